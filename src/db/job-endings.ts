import type { Knex } from 'knex'
import type { AbortReason } from '../receipts/receipt.ts'
import { persevere } from './persevere.ts'
import { execute, query } from './query.ts'
import type { TurnQueue } from './queue.ts'
import { endImport, finishReceipt, updateRunning, type FencedPlace, type LastWord } from './receipt-sql.ts'
import type { Endings } from './receipt-writer.ts'
import { inTransaction } from './transaction.ts'

/** How often a job is begun that gets nowhere. */
export const MAX_ATTEMPTS = 5

/** What is needed to end a job, or to hand it on. */
export interface JobEndingParts {
  readonly knex: Knex
  readonly queue: TurnQueue
  readonly place: FencedPlace
  /** How often it was begun since it last got anywhere, this time included. */
  readonly attempts: number
  /** Hears of trouble with the database that is waited for. */
  readonly onTrouble: (error: unknown) => void
}

// What may be mended by waiting. Everything else is the same however often it is tried.
const passing = new Set(['database.unreachable', 'internal', 'import.lost'])

// The process ends, or others have their turn first.
const handedOn = new Set(['service.stopping', 'turn.over'])

/** How a job ends: for now, where another attempt may go well, else for good. */
export function jobEndings({ knex, queue, place, attempts, onTrouble }: JobEndingParts): Endings {
  const end = async (trx: Knex, word: LastWord): Promise<void> => {
    await endImport(trx, place, word)
    await nextTurn(trx, queue, place.organizationId)
  }
  const abort = async (trx: Knex, reason: AbortReason): Promise<void> => {
    if (handedOn.has(reason.code)) {
      // That is no attempt: nothing is wrong with the job.
      if (await release(trx, place, { attempts: attempts - 1, pause: 0 }))
        await queue.add(trx, place.organizationId)
    } else if (reason.code === 'import.stopped') await end(trx, { state: 'aborted', reason })
    else if (!passing.has(reason.code)) await end(trx, { state: 'failed', reason })
    else if (attempts >= MAX_ATTEMPTS) await end(trx, { state: 'failed', reason: exhausted(reason.detail) })
    else await release(trx, place, { attempts, pause: pauseAfter(attempts), trouble: reason.detail })
  }
  return {
    finish: async (trx, ending) => {
      await finishReceipt(trx, place, ending)
      await nextTurn(trx, queue, place.organizationId)
    },
    abort: (reason) => {
      const attempt = (): Promise<void> => inTransaction(knex, (trx) => abort(trx, reason))
      // Who stops has no time to wait; a process that finds the job then gives it back as well.
      return reason.code === 'service.stopping' ? attempt() : persevere(attempt, { onTrouble })
    },
  }
}

/** 5 s after the first attempt, and twice as long after each further one. */
const pauseAfter = (attempts: number): number => 5 * 2 ** (attempts - 1)

/** That a job was begun too often, and what went wrong the last time. */
export function exhausted(trouble: string | undefined): AbortReason {
  const last =
    trouble === undefined
      ? 'The process that ran it ended each time before it got any further.'
      : `The last attempt said: ${trouble}`
  return {
    code: 'job.exhausted',
    detail: `The import was tried ${MAX_ATTEMPTS} times without getting any further. ${last} Send the import again.`,
  }
}

/** Gives a job back, for whichever worker comes next. @returns whether it was still this worker's */
async function release(
  trx: Knex,
  place: FencedPlace,
  {
    attempts,
    pause,
    trouble,
  }: { readonly attempts: number; readonly pause: number; readonly trouble?: string },
): Promise<boolean> {
  if (!(await updateRunning(trx, place, `state = 'waiting', process_id = null`, []))) return false
  await execute(
    trx,
    `update import_jobs
        set attempts = ?::integer, trouble = coalesce(?::text, trouble),
            not_before = clock_timestamp() + make_interval(secs => ?::float8)
      where organization_id = ?::integer and import_id = ?::text`,
    [attempts, trouble ?? null, pause, place.organizationId, place.id],
  )
  return true
}

/** Lets an organization stand in line again, if it has more to do. */
export async function nextTurn(trx: Knex, queue: TurnQueue, organizationId: number): Promise<void> {
  const sql = `select 1 from imports where organization_id = ?::integer and state = 'waiting' limit 1`
  if ((await query(trx, sql, [organizationId])).length > 0) await queue.add(trx, organizationId)
}
