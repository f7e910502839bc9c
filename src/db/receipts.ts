import type { Knex } from 'knex'
import { randomUUID } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { ImportPlace, NewImport, Receipt, ReceiptStore } from '../receipts/receipt.ts'
import { stopped, type RunningImports } from '../receipts/running-imports.ts'
import { letterStatuses } from './letters.ts'
import { persevere, promptly } from './persevere.ts'
import { execute, query } from './query.ts'
import { findByKey, findById, history } from './receipt-queries.ts'
import { selectReceipts } from './receipt-rows.ts'
import { deleteChunks, endImport, insertReceipt, readChunks } from './receipt-sql.ts'
import { createReceiptWriter } from './receipt-writer.ts'
import { isAlive } from './processes.ts'
import { inTransaction } from './transaction.ts'
import { meaningOf, unreachable } from './trouble.ts'
import type { Turns } from './turns.ts'

/** What the store of receipts needs to know. */
export interface ReceiptStoreParts {
  readonly knex: Knex
  /** The name of this process, under which others see that it lives. */
  readonly processId: string
  /** The turns of this process's imports, streamed or not. */
  readonly turns: Turns
  /** The imports that run in this process. */
  readonly running: RunningImports
  /** How many imports may run at once, over all processes: in all, and of one organization. */
  readonly maxImports: number
  readonly maxImportsPerOrganization: number
  /** How many bytes of an organization may wait for a worker. */
  readonly maxWaitingBytes: number
  /** Hears of trouble with the database that is being waited for. */
  readonly onTrouble: (error: unknown) => void
}

// Any number that nothing else in the database locks: the bytes of "impo".
const OPENING_LOCK = 0x696d706f

// A process that is frozen while it has it must not freeze the others.
const LOCK_MILLISECONDS = 4_000

// A few hundred kilobytes each.
const CHUNKS_AT_ONCE = 4

/** The receipts in PostgreSQL. */
export function createReceiptStore(parts: ReceiptStoreParts): ReceiptStore {
  const { knex, running, onTrouble } = parts
  return {
    open: async (wanted) => {
      const place = { organizationId: wanted.organizationId, id: randomUUID(), fence: 0 }
      const signal = running.add(place.id)
      try {
        const known = await opening(parts, wanted, async (trx) => {
          await refuseTooMany(trx, wanted.organizationId, parts)
          if (wanted.job !== undefined) await refuseTooMuch(trx, wanted.organizationId, 0, parts)
          await insertReceipt(trx, place.id, parts.processId, wanted)
        })
        if (known === undefined) {
          return { kind: 'new', writer: createReceiptWriter({ ...parts, place, signal }) }
        }
        running.remove(place.id)
        return { kind: 'known', receipt: known }
      } catch (error) {
        running.remove(place.id)
        throw error
      }
    },

    find: (scope, id) => promptly(() => findById(knex, scope, id)),
    findByKey: (scope, caller, key) => promptly(() => findByKey(knex, scope, caller, key)),
    again: ({ organizationId, id }) => persevere(() => findById(knex, { organizationId }, id), { onTrouble }),
    list: (scope, asked) => promptly(() => history(knex, scope, asked)),
    letters: (place) => promptly(() => letterStatuses(knex, place)),
    chunks: (place, from) => persevere(() => readChunks(knex, place, from, CHUNKS_AT_ONCE), { onTrouble }),

    requestStop: async (place) => {
      await promptly(() => stop(knex, place))
      running.stop(place.id)
    },

    erase: (place) => promptly(() => inTransaction(knex, (trx) => eraseResult(trx, place))),
  }
}

/** What waits for a worker ends at once, what runs after its batch. */
async function stop(knex: Knex, place: ImportPlace): Promise<void> {
  await inTransaction(knex, async (trx) => {
    const sql = `
      update imports set stop_requested = true
       where organization_id = ?::integer and id = ?::text and state in ('waiting', 'running')
      returning state, fence`
    const [found] = await query<{ state: string; fence: number }>(trx, sql, [place.organizationId, place.id])
    if (found?.state !== 'waiting') return
    const word = { state: 'aborted', reason: stopped().reason } as const
    await endImport(trx, { ...place, fence: found.fence }, word, 'waiting')
  })
}

/**
 * Finds the import that has the key already, or begins a new one. One after the other, so that neither limits nor keys
 * are overrun.
 *
 * @param begin - runs in a transaction, which is rolled back where the import is known
 * @param before - runs in it before any other has to wait for it
 */
export async function opening(
  { knex }: Pick<ReceiptStoreParts, 'knex'>,
  wanted: NewImport,
  begin: (trx: Knex.Transaction) => Promise<void>,
  before: (trx: Knex.Transaction) => Promise<void> = () => Promise.resolve(),
): Promise<Receipt | undefined> {
  const work = async (trx: Knex.Transaction): Promise<Receipt | undefined> => {
    await before(trx)
    await execute(trx, `set local lock_timeout = '${LOCK_MILLISECONDS}ms'`, [])
    await query(trx, 'select pg_advisory_xact_lock(?::bigint)', [OPENING_LOCK])
    const known = await withKey(trx, wanted)
    if (known === undefined) await begin(trx)
    return known
  }
  try {
    return await inTransaction(knex, work, (known) => known === undefined)
  } catch (error) {
    throw meaningOf(error) === 'in the way' ? unreachable(error) : error
  }
}

async function withKey(
  trx: Knex,
  { organizationId, caller, kind, idempotencyKey }: NewImport,
): Promise<Receipt | undefined> {
  if (idempotencyKey === undefined) return undefined
  const rest = `where organization_id = ?::integer and caller = ?::text and kind = ?::text
                  and idempotency_key = ?::text and state not in ('aborted', 'failed')`
  return (await selectReceipts(trx, rest, [organizationId, caller, kind, idempotencyKey]))[0]?.receipt
}

async function refuseTooMany(
  trx: Knex,
  organizationId: number,
  { maxImports, maxImportsPerOrganization }: ReceiptStoreParts,
): Promise<void> {
  // Where processes die one after the other nobody lives long enough to end their imports: they must not count.
  const sql = `
    select count(*)::integer as all_of_them, count(*) filter (where organization_id = ?::integer)::integer as own
      from imports i where state = 'running' and fence = 0 and exists (
        select 1 from processes p where p.id = i.process_id and ${isAlive('p')})`
  const [count] = await query<{ all_of_them: number; own: number }>(trx, sql, [organizationId])
  if ((count?.own ?? 0) >= maxImportsPerOrganization) {
    throw tooMany(`Your organization runs ${maxImportsPerOrganization} imports already`)
  }
  if ((count?.all_of_them ?? 0) >= maxImports) throw tooMany(`The service runs ${maxImports} imports already`)
}

/** Refuses what would have too many bytes of an organization wait for a worker. */
export async function refuseTooMuch(
  trx: Knex,
  organizationId: number,
  bytes: number,
  { maxWaitingBytes }: ReceiptStoreParts,
): Promise<void> {
  const sql = `
    select coalesce(sum(upload_bytes), 0)::float8 as waiting from imports
     where organization_id = ?::integer and state = 'waiting'`
  const [row] = await query<{ waiting: number }>(trx, sql, [organizationId])
  if ((row?.waiting ?? 0) + bytes <= maxWaitingBytes) return
  const detail = `Imports of your organization wait that have ${row?.waiting ?? 0} bytes, and ${maxWaitingBytes} may: try again when some of them have ended.`
  throw new ServiceError('imports.too_many', detail, { headers: { 'Retry-After': '60' } })
}

const tooMany = (what: string): ServiceError =>
  new ServiceError('imports.too_many', `${what}, the most at once: try again when one of them has ended.`, {
    headers: { 'Retry-After': '5' },
  })

/** Deletes the chunks of an import that has ended. */
export async function eraseResult(trx: Knex, { organizationId, id }: ImportPlace): Promise<void> {
  const erased = await execute(
    trx,
    `update imports set erased_at = now(), result_bytes = 0
      where organization_id = ?::integer and id = ?::text and state not in ('waiting', 'running') and erased_at is null`,
    [organizationId, id],
  )
  if (erased === 0) return
  await deleteChunks(trx, { organizationId, id })
}
