import type { Knex } from 'knex'
import type { LetterImport, LetterImports } from '../mail/outbox.ts'
import { faultCounts } from '../receipts/fault-counts.ts'
import type { ImportMode, ImportPlace } from '../receipts/receipt.ts'
import { persevere } from './persevere.ts'
import { query, type ResultRow } from './query.ts'

/** What letters say of imports, in PostgreSQL. */
export function createLetterImports(knex: Knex): LetterImports {
  return {
    read: async (place, signal) => {
      const row = await rowOf(knex, place, signal)
      if (row === undefined) return undefined
      const chunks = notesOf(knex, place, signal)
      return importOf(row, row.erased ? undefined : await faultCounts(chunks))
    },
  }
}

interface EndedRow extends ResultRow {
  readonly organization_id: number
  readonly id: string
  readonly kind: 'users' | 'members'
  readonly slug: string
  readonly mode: ImportMode
  readonly refused: boolean
  readonly reason_code: string | null
  readonly reason: string | null
  readonly file_name: string | null
  readonly idempotency_key: string | null
  readonly caller: string
  readonly rows_total: number | null
  readonly begun: boolean
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly invalid: number
  readonly skipped: number
  readonly created_at: Date
  readonly ended_at: Date
  readonly erased: boolean
}

async function rowOf(
  knex: Knex,
  { organizationId, id }: ImportPlace,
  signal: AbortSignal,
): Promise<EndedRow | undefined> {
  const sql = `
    select i.organization_id, i.id, i.kind, o.slug, i.mode, i.refused, i.reason_code, i.reason, i.file_name,
           i.idempotency_key, i.caller, j.rows_total, j.started_at is not null as begun,
           i.created, i.updated, i.unchanged, i.invalid, i.skipped, i.created_at,
           coalesce(i.ended_at, i.created_at) as ended_at, i.erased_at is not null as erased
      from imports i join organizations o on o.organization_id = i.organization_id
      left join import_jobs j on j.organization_id = i.organization_id and j.import_id = i.id
     where i.organization_id = ?::integer and i.id = ?::text`
  return (await persevere(() => query<EndedRow>(knex, sql, [organizationId, id]), { signal }))[0]
}

function importOf(row: EndedRow, faults: LetterImport['faults']): LetterImport {
  const { created, updated, unchanged, invalid, skipped } = row
  return {
    organizationId: row.organization_id,
    importId: row.id,
    importKind: row.kind,
    organization: row.slug,
    ownId: row.idempotency_key ?? undefined,
    caller: row.caller,
    fileName: row.file_name ?? undefined,
    mode: row.mode,
    refused: row.refused,
    rowsTotal: row.rows_total ?? undefined,
    begun: row.begun,
    counts: { created, updated, unchanged, invalid, skipped },
    faults,
    reason: row.reason_code === null ? undefined : { code: row.reason_code, detail: row.reason ?? '' },
    receivedAt: row.created_at,
    endedAt: row.ended_at,
  }
}

// Notes of a thousand rows that are all invalid are some hundred kilobytes.
const CHUNKS_AT_ONCE = 8

/** The notes of all chunks: the text of the rows, which is most of a result, stays where it is. */
async function* notesOf(
  knex: Knex,
  { organizationId, id }: ImportPlace,
  signal: AbortSignal,
): AsyncGenerator<{ readonly notes: Buffer }> {
  const sql = `
    select number, notes from import_chunks
     where organization_id = ?::integer and import_id = ?::text and number >= ?::integer
     order by number limit ?::integer`
  for (let from = 0; ;) {
    signal.throwIfAborted()
    const chunks = await persevere(
      () => query<{ number: number; notes: Buffer }>(knex, sql, [organizationId, id, from, CHUNKS_AT_ONCE]),
      { signal },
    )
    yield* chunks
    const last = chunks.at(-1)
    if (last === undefined || chunks.length < CHUNKS_AT_ONCE) return
    from = last.number + 1
  }
}
