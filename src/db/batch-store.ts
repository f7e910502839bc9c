import type { Knex } from 'knex'
import type { Chunk } from '../receipts/chunk.ts'
import type { Ending, WholeResult } from '../receipts/receipt.ts'
import { StoreRefusal, type BatchStore } from '../users/user-directory.ts'
import { PATIENCE, persevere } from './persevere.ts'
import { execute } from './query.ts'
import { appendChunk, countChunks, stateOf, type FencedPlace } from './receipt-sql.ts'
import { inTransaction, lockOrganization } from './transaction.ts'
import { meaningOf, refusal } from './trouble.ts'
import type { Turns } from './turns.ts'
import { usersIn } from './users.ts'

/** What is needed to store the batches of one import. */
export interface BatchStoreParts {
  readonly knex: Knex
  readonly turns: Turns
  readonly place: FencedPlace
  /** Ends the waiting for a database in trouble. */
  readonly signal: AbortSignal
  /** Hears that the import is asked to stop. */
  readonly onStop: () => void
  readonly onTrouble: (error: unknown) => void
}

/**
 * Stores each batch with its chunk in a transaction of its own.
 *
 * @param from - how many chunks the import has already; default: none
 */
export function createBatchStore(parts: BatchStoreParts, from = 0): BatchStore<Chunk> {
  const { turns, place, onStop } = parts
  let number = from
  return {
    save: (work) =>
      turns.take(place.organizationId, async (spent) => {
        const saved = await committedOnce({ ...parts, spent }, hasChunk(place, number), async (trx) => {
          const batch = await work(usersIn(trx, place.organizationId))
          const stop = await appendChunk(trx, place, number, batch.record)
          return { batch, stop }
        })
        number += 1
        if (saved.stop) onStop()
        return saved.batch
      }),
  }
}

/** What is needed to store all of an import at once. */
export interface WholeStoreParts extends BatchStoreParts {
  /** That it can't be stopped any more, or can again. */
  readonly seal: (isSealed: boolean) => void
  /** Writes the receipt's last word. */
  readonly finish: (trx: Knex.Transaction, ending: Ending) => Promise<void>
}

/**
 * Runs all batches of an import, and then the storing of its chunks and its receipt's last word, in one transaction.
 *
 * @param work - gives the result if all is to be committed, nothing if all is to be rolled back
 * @param kept - hears of each batch's record once the batch is in the transaction
 * @returns whether it was committed
 */
export function inOneTransaction<R>(
  parts: WholeStoreParts,
  work: (store: BatchStore<R>) => Promise<WholeResult | undefined>,
  kept: (record: R) => Promise<void>,
): Promise<boolean> {
  const { turns, place, signal, seal, finish } = parts
  const all = async (trx: Knex.Transaction): Promise<boolean> => {
    seal(false)
    // What is refused by COMMIT only comes too late to say which row it was.
    await execute(trx, 'set constraints all immediate', [])
    const result = await work(storeWithin(trx, place.organizationId, kept))
    if (result === undefined) return false
    let number = 0
    for await (const chunk of result.chunks) {
      signal.throwIfAborted()
      await appendChunk(trx, place, number++, chunk)
    }
    await finish(trx, result.ending())
    signal.throwIfAborted()
    seal(true)
    return true
  }
  return turns.takeLong(place.organizationId, (spent) =>
    committedOnce({ ...parts, spent }, isFinished(place), all, (committed) => committed),
  )
}

const hasChunk =
  (place: FencedPlace, number: number) =>
  async (trx: Knex): Promise<boolean> =>
    (await countChunks(trx, place)) > number

const isFinished =
  (place: FencedPlace) =>
  async (trx: Knex): Promise<boolean> =>
    (await stateOf(trx, place)) === 'finished'

/** Stores batches within a transaction that somebody else ends; a batch that fails leaves it as it was. */
function storeWithin<R>(
  trx: Knex.Transaction,
  organizationId: number,
  kept: (record: R) => Promise<void>,
): BatchStore<R> {
  return {
    save: async (work) => {
      const batch = await refusing(() =>
        // Trouble is for the whole transaction; only who is in the way inside of it can be waited for here.
        persevere(() => inSavepoint(trx, () => work(usersIn(trx, organizationId))), { patience: 0 }),
      )
      await kept(batch.record)
      return batch
    },
  }
}

async function inSavepoint<T>(trx: Knex.Transaction, work: () => Promise<T>): Promise<T> {
  await execute(trx, 'savepoint batch', [])
  try {
    const result = await work()
    await execute(trx, 'release savepoint batch', [])
    return result
  } catch (error) {
    if (['row', 'in the way'].includes(meaningOf(error))) {
      await execute(trx, 'rollback to savepoint batch', [])
      await execute(trx, 'release savepoint batch', [])
    }
    throw error
  }
}

/**
 * Runs a transaction of an import until it is committed, once. Where the answer to a COMMIT was lost, what it wrote
 * tells whether it was. The lock on the organization's row waits for a transaction that the server still has to end.
 *
 * @param isThere - whether what `work` writes is there
 */
function committedOnce<T>(
  { knex, place, signal, onTrouble, spent }: BatchStoreParts & { readonly spent: number },
  isThere: (trx: Knex) => Promise<boolean>,
  work: (trx: Knex.Transaction) => Promise<T>,
  commits?: (result: T) => boolean,
): Promise<T> {
  let last: { readonly result: T } | undefined
  const attempt = (): Promise<T> =>
    inTransaction(
      knex,
      async (trx) => {
        await lockOrganization(trx, place.organizationId)
        if (last !== undefined && (await isThere(trx))) return last.result
        const result = await work(trx)
        last = { result }
        return result
      },
      commits,
    )
  const patience = Math.max(0, PATIENCE - spent)
  return refusing(() => persevere(attempt, { patience, signal, onTrouble }))
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const rule = refusal(error)
    throw rule === undefined ? error : new StoreRefusal(rule, { cause: error })
  }
}
