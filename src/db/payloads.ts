import type { Knex } from 'knex'
import type { PayloadWriter } from '../jobs/job.ts'
import type { ImportPlace } from '../receipts/receipt.ts'
import { execute, query } from './query.ts'
import { lost } from './receipt-sql.ts'

// Large enough that a statement is worth its round trip, small enough for several uploads in memory at once.
const PIECE_BYTES = 256 * 1024

/** How many pieces {@link readPayload} gives at a time; fewer only at the end. */
export const PIECES_AT_ONCE = 4

/** Puts bytes together until they are worth a row. */
class Pieces {
  #held: Buffer[] = []
  #bytes = 0

  /** @returns a piece, where there is enough for one */
  add(bytes: Buffer): Buffer | undefined {
    this.#held.push(bytes)
    this.#bytes += bytes.length
    return this.#bytes < PIECE_BYTES ? undefined : this.rest()
  }

  /** What was put together so far; may be empty. */
  rest(): Buffer {
    const piece = Buffer.concat(this.#held)
    this.#held = []
    this.#bytes = 0
    return piece
  }
}

/** Stores a payload as it arrives, for an import that takes it. */
export class ArrivingPayload implements PayloadWriter {
  readonly #store: (number: number, piece: Buffer) => Promise<void>
  readonly #pieces = new Pieces()
  #next = 0

  /** @param store - stores a piece; see {@link storePiece} */
  constructor(store: (number: number, piece: Buffer) => Promise<void>) {
    this.#store = store
  }

  async write(bytes: Buffer): Promise<void> {
    const piece = this.#pieces.add(bytes)
    if (piece !== undefined) await this.#store(this.#next++, piece)
  }

  async end(): Promise<void> {
    const rest = this.#pieces.rest()
    if (rest.length > 0) await this.#store(this.#next++, rest)
  }
}

/**
 * Stores a piece of a payload that arrives. The same again does nothing.
 *
 * @throws ServiceError `import.lost` If its import has ended
 */
export async function storePiece(
  knex: Knex,
  { organizationId, id }: ImportPlace,
  number: number,
  piece: Buffer,
): Promise<void> {
  const found = await query(
    knex,
    `with import as (
       select organization_id, id from imports
        where organization_id = ?::integer and id = ?::text and state = 'running' and fence = 0
          for key share
     ), piece as (
       insert into import_payloads (organization_id, import_id, number, bytes)
       select organization_id, id, ?::integer, ?::bytea from import
       on conflict do nothing
     )
     select 1 as found from import`,
    [organizationId, id, number, piece],
  )
  if (found.length === 0) throw lost()
}

/** Stores all of a payload, as it stands in pieces of any size. */
export async function storePayload(
  trx: Knex,
  { organizationId, id }: ImportPlace,
  payload: AsyncIterable<Buffer>,
): Promise<void> {
  let number = 0
  for await (const piece of payload) {
    await execute(
      trx,
      `insert into import_payloads (organization_id, import_id, number, bytes)
       values (?::integer, ?::text, ?::integer, ?::bytea)`,
      [organizationId, id, number++, piece],
    )
  }
}

/**
 * Some pieces of a payload from a number on, in order.
 *
 * @throws RangeError If one between them is missing
 */
export async function readPayload(
  knex: Knex,
  { organizationId, id }: ImportPlace,
  from: number,
): Promise<readonly Buffer[]> {
  const rows = await query<{ number: number; bytes: Buffer }>(
    knex,
    `select number, bytes from import_payloads
      where organization_id = ?::integer and import_id = ?::text and number >= ?::integer
      order by number limit ?::integer`,
    [organizationId, id, from, PIECES_AT_ONCE],
  )
  return rows.map(({ number, bytes }, index) => {
    if (number !== from + index) throw new RangeError(`piece ${from + index} of a payload is not there`)
    return bytes
  })
}

/**
 * Deletes payloads that outlived their imports: a piece may have been on its way when its import ended, and a process of
 * an earlier version does not know of them.
 */
export async function deleteStalePayloads(knex: Knex): Promise<void> {
  await execute(
    knex,
    `delete from import_payloads p using imports i
      where i.organization_id = p.organization_id and i.id = p.import_id and i.state not in ('waiting', 'running')`,
    [],
  )
}
