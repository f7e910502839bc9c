import type { Knex } from 'knex'
import type { Job } from '../jobs/job.ts'
import type { Receipt } from '../receipts/receipt.ts'
import { stopped } from '../receipts/running-imports.ts'
import { oldestJob, oldestOf } from './due-jobs.ts'
import { exhausted, jobEndings, MAX_ATTEMPTS, nextTurn } from './job-endings.ts'
import { PIECES_AT_ONCE, readPayload } from './payloads.ts'
import { persevere } from './persevere.ts'
import { execute, query, type ResultRow } from './query.ts'
import { findById } from './receipt-queries.ts'
import {
  countNames,
  deleteChunks,
  endImport,
  lost,
  refuseLost,
  type FencedPlace,
  type LastWord,
} from './receipt-sql.ts'
import { createReceiptWriter } from './receipt-writer.ts'
import type { ReceiptStoreParts } from './receipts.ts'
import { isItsOwn, setAside, type SetAsideParts } from './set-aside.ts'
import { inTransaction } from './transaction.ts'

/** What the store of jobs needs to know. */
export interface JobStoreParts extends ReceiptStoreParts, SetAsideParts {}

/**
 * Takes the organization whose turn it is out of the line and claims its oldest job. All in one transaction: who dies in
 * it leaves everything as it was. A job that can't be claimed is set aside.
 */
export async function takeTurn(parts: JobStoreParts): Promise<Job | 'no job' | undefined> {
  const { knex, queue, running } = parts
  let turnOf: number | undefined
  let id: string | undefined
  try {
    return await inTransaction(knex, async (trx) => {
      const organizationId = (turnOf = await queue.next(trx))
      if (organizationId === undefined) return undefined
      const claimed = await claimOldest(trx, organizationId, parts)
      if (claimed === undefined) return 'no job'
      const place = { organizationId, id: claimed.id, fence: claimed.fence }
      const word = lastWordOn(claimed)
      if (word !== undefined) {
        await endImport(trx, place, word)
        await nextTurn(trx, queue, organizationId)
        return 'no job'
      }
      const receipt = await receiptToRun(trx, place)
      // Before it is committed: from then on the heartbeat looks whether it runs.
      const signal = running.add(claimed.id)
      id = claimed.id
      const endings = jobEndings({ ...parts, place, attempts: claimed.attempts })
      return {
        receipt,
        instructions: claimed.instructions,
        writer: createReceiptWriter({ ...parts, place, signal, from: receipt.chunks, endings }),
        payload: () => payloadOf(parts, place),
      }
    })
  } catch (error) {
    if (id !== undefined) running.remove(id)
    if (turnOf === undefined || !isItsOwn(error)) throw error
    await setAside(parts, turnOf, error)
    return 'no job'
  }
}

interface Claimed extends ResultRow {
  readonly id: string
  readonly fence: number
  readonly stop: boolean
  readonly instructions: string
  readonly attempts: number
  readonly trouble: string | null
}

/** What is to be said of a job in the place of doing it. */
function lastWordOn({ stop, attempts, trouble }: Claimed): LastWord | undefined {
  // Its worker has died before it heard of it.
  if (stop) return { state: 'aborted', reason: stopped().reason }
  return attempts > MAX_ATTEMPTS ? { state: 'failed', reason: exhausted(trouble ?? undefined) } : undefined
}

async function claimOldest(
  trx: Knex,
  organizationId: number,
  { processId, running }: JobStoreParts,
): Promise<Claimed | undefined> {
  const [claimed] = await query<Claimed>(
    trx,
    `with next as (${oldestJob}
     ), claimed as (
       update imports i
          set state = 'running', fence = i.fence + 1, process_id = ?::text, claimed_at = clock_timestamp()
         from next n where i.organization_id = n.organization_id and i.id = n.id
       returning i.id, i.fence, i.stop_requested as stop
     ), job as (
       update import_jobs j
          set attempts = case when n.chunks > j.chunks_at_claim then 1 else j.attempts + 1 end,
              chunks_at_claim = n.chunks, started_at = coalesce(j.started_at, clock_timestamp())
         from next n where j.organization_id = n.organization_id and j.import_id = n.id
       returning j.instructions, j.attempts, j.trouble
     )
     select c.id, c.fence, c.stop, j.instructions, j.attempts, j.trouble from claimed c, job j`,
    [...oldestOf(organizationId, running), processId],
  )
  return claimed
}

/**
 * A strict import or dry run begins again from its beginning: of its users nothing was committed. What it came to may
 * have been stored in part, where it was refused.
 */
async function receiptToRun(trx: Knex, place: FencedPlace): Promise<Receipt> {
  const receipt = await receiptOf(trx, place)
  if (receipt.mode === 'each' || (receipt.chunks === 0 && !receipt.refused)) return receipt
  const sets = countNames.map((name) => `${name} = 0`)
  await execute(
    trx,
    `update imports set chunks = 0, result_bytes = 0, refused = false, ${sets.join(', ')}
      where organization_id = ?::integer and id = ?::text`,
    [place.organizationId, place.id],
  )
  await deleteChunks(trx, place)
  return receiptOf(trx, place)
}

async function receiptOf(trx: Knex, place: FencedPlace): Promise<Receipt> {
  const receipt = await findById(trx, place, place.id)
  if (receipt === undefined) throw lost()
  return receipt
}

async function* payloadOf({ knex, onTrouble }: JobStoreParts, place: FencedPlace): AsyncGenerator<Buffer> {
  for (let next = 0; ;) {
    const pieces = await persevere(() => readPayload(knex, place, next), { onTrouble })
    yield* pieces
    if (pieces.length < PIECES_AT_ONCE) break
    next += pieces.length
  }
  // Who has the job now may have ended it, and its payload with it.
  await persevere(() => refuseLost(knex, place), { onTrouble })
}
