import type { Knex } from 'knex'
import { internal } from '../errors.ts'
import type { RunningImports } from '../receipts/running-imports.ts'
import { oldestJob, oldestOf } from './due-jobs.ts'
import { query } from './query.ts'
import type { TurnQueue } from './queue.ts'
import { meaningOf } from './trouble.ts'

/** What is needed to set a job aside. */
export interface SetAsideParts {
  readonly knex: Knex
  readonly queue: TurnQueue
  readonly running: RunningImports
  /**
   * Hears of a job that can't be claimed, though the database works. It is tried again later.
   *
   * @param job - its `id` is missing where nothing of it can be written
   */
  readonly onUnclaimed: (error: unknown, job: { organizationId: number; id: string | undefined }) => void
}

/** Whether it is about the job alone that it could not be claimed. Everything else stands in the way of all jobs. */
export function isItsOwn(error: unknown): boolean {
  const meaning = meaningOf(error)
  return meaning === 'row' || meaning === 'give up'
}

/**
 * Has the others go on where a job can't be claimed: its organization leaves the line, into which the reminder puts it
 * again, and the job waits for as long as it has waited already, five seconds at least and five minutes at most.
 */
export async function setAside(
  { knex, queue, running, onUnclaimed }: SetAsideParts,
  organizationId: number,
  error: unknown,
): Promise<void> {
  // What keeps it from being claimed may keep it from this too.
  const id = await postpone(knex, organizationId, running).catch(() => undefined)
  await queue.leave(knex, organizationId)
  onUnclaimed(error, { organizationId, id })
}

async function postpone(
  knex: Knex,
  organizationId: number,
  running: RunningImports,
): Promise<string | undefined> {
  const [postponed] = await query<{ id: string }>(
    knex,
    `with next as (${oldestJob})
     update import_jobs j
        set trouble = ?::text,
            not_before = clock_timestamp() +
              least(greatest(clock_timestamp() - j.queued_at, interval '5 seconds'), interval '5 minutes')
       from next n where j.organization_id = n.organization_id and j.import_id = n.id
     returning j.import_id as id`,
    [...oldestOf(organizationId, running), internal(undefined).message],
  )
  return postponed?.id
}
