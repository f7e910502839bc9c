import type { RunningImports } from '../receipts/running-imports.ts'
import type { Parameter } from './query.ts'

/**
 * The jobs that can be begun, as what follows `from`: they wait, their pause is over, and none of their organization runs.
 * Further conditions follow after `and`.
 *
 * @param organizationId - where the organization is known, what stands for it
 */
export const dueJobs = (organizationId = 'i.organization_id'): string => `
  imports i join import_jobs j on j.organization_id = i.organization_id and j.import_id = i.id
   where i.state = 'waiting' and j.not_before <= clock_timestamp()
     and not exists (
       select 1 from imports r where r.organization_id = ${organizationId} and r.state = 'running' and r.fence > 0)`

/**
 * The oldest job of an organization that can be begun. One that this process was taken for dead over still runs in it, and
 * must end first.
 */
export const oldestJob = `
  select i.organization_id, i.id, i.chunks
    from ${dueJobs('?::integer')}
     and i.organization_id = ?::integer and i.id <> all(string_to_array(?::text, ' '))
   order by i.created_at, i.id
   limit 1 for update of i skip locked`

/** The parameters of {@link oldestJob}. */
export const oldestOf = (organizationId: number, running: RunningImports): readonly Parameter[] => [
  organizationId,
  organizationId,
  running.ids.join(' '),
]
