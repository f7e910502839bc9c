import type { Knex } from 'knex'
import { dueJobs } from './due-jobs.ts'
import { query } from './query.ts'
import { countNames } from './receipt-sql.ts'

const rowsOf = (imports: string): string => countNames.map((name) => `${imports}.${name}`).join(' + ')

/**
 * The job of a process that has run the longest while another organization waits whose next job is much smaller than what
 * is left of it: of two large ones, both would only end later.
 *
 * It has run for some seconds, and has added a quarter to what was there: going on means reading all of that again. What
 * would begin again is never meant.
 */
export async function overdue(knex: Knex, processId: string): Promise<string | undefined> {
  const [job] = await query<{ id: string }>(
    knex,
    `with next as (
       select distinct on (i.organization_id)
              j.rows_total - (${rowsOf('i')}) as rows_left, greatest(j.queued_at, j.not_before) as since
         from ${dueJobs()}
        order by i.organization_id, i.created_at, i.id
     )
     select i.id
       from imports i join import_jobs j on j.organization_id = i.organization_id and j.import_id = i.id
      where i.state = 'running' and i.fence > 0 and i.process_id = ?::text and i.mode = 'each'
        and i.claimed_at <= clock_timestamp() - interval '5 seconds'
        and i.chunks - j.chunks_at_claim >= greatest(1, j.chunks_at_claim / 4)
        and exists (
          select 1 from next n
           where n.since <= clock_timestamp() - interval '2 seconds'
             and n.rows_left < (j.rows_total - (${rowsOf('i')})) / 4)
      order by i.claimed_at limit 1`,
    [processId],
  )
  return job?.id
}
