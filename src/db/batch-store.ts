import type { Knex } from 'knex'
import type { Chunk } from '../receipts/chunk.ts'
import { StoreRefusal, type BatchStore } from '../users/user-directory.ts'
import { persevere } from './persevere.ts'
import { execute } from './query.ts'
import { appendChunk, countChunks, type ImportPlace } from './receipt-sql.ts'
import { inTransaction, lockOrganization } from './transaction.ts'
import { meaningOf, refusal } from './trouble.ts'
import type { Turns } from './turns.ts'
import { usersIn } from './users.ts'

/** What is needed to store the batches of one import. */
export interface BatchStoreParts {
  readonly knex: Knex
  readonly turns: Turns
  readonly place: ImportPlace
  /** Ends the waiting for a database in trouble. */
  readonly signal: AbortSignal
  /** Hears that the import is asked to stop. */
  readonly onStop: () => void
  readonly onTrouble: (error: unknown) => void
}

/** Stores each batch with its chunk in a transaction of its own. */
export function createBatchStore(parts: BatchStoreParts): BatchStore<Chunk> {
  const { turns, place, onStop } = parts
  let number = 0
  return {
    save: (work) =>
      turns.take(place.organizationId, async () => {
        const saved = await committedOnce(parts, number, async (trx) => {
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

/**
 * Runs all batches of an import, and then the storing of its chunks, in one transaction.
 *
 * @param work - gives the chunks if all is to be committed, nothing if all is to be rolled back
 * @param kept - hears of each batch's record once the batch is in the transaction
 * @returns whether it was committed
 */
export function inOneTransaction<R>(
  parts: BatchStoreParts,
  work: (store: BatchStore<R>) => Promise<AsyncIterable<Chunk> | undefined>,
  kept: (record: R) => Promise<void>,
): Promise<boolean> {
  const { turns, place } = parts
  const all = async (trx: Knex.Transaction): Promise<boolean> => {
    const chunks = await work(storeWithin(trx, place.organizationId, kept))
    if (chunks === undefined) return false
    let number = 0
    for await (const chunk of chunks) await appendChunk(trx, place, number++, chunk)
    return true
  }
  return turns.take(place.organizationId, () => committedOnce(parts, 0, all, (committed) => committed))
}

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
    if (['row', 'in the way'].includes(meaningOf(error)))
      await execute(trx, 'rollback to savepoint batch', [])
    throw error
  }
}

/**
 * Runs a transaction of an import until it is committed, once. Where the answer to a COMMIT was lost, the chunk
 * tells whether it was: it has that number only then. The lock on the organization's row waits for a transaction
 * that the server still has to end.
 */
function committedOnce<T>(
  { knex, place, signal, onTrouble }: BatchStoreParts,
  number: number,
  work: (trx: Knex.Transaction) => Promise<T>,
  commits?: (result: T) => boolean,
): Promise<T> {
  let last: { readonly result: T } | undefined
  const attempt = (): Promise<T> =>
    inTransaction(
      knex,
      async (trx) => {
        await lockOrganization(trx, place.organizationId)
        if (last !== undefined && (await countChunks(trx, place)) > number) return last.result
        const result = await work(trx)
        last = { result }
        return result
      },
      commits,
    )
  return refusing(() => persevere(attempt, { signal, onTrouble }))
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const rule = refusal(error)
    throw rule === undefined ? error : new StoreRefusal(rule, { cause: error })
  }
}
