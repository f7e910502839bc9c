import type { Knex } from 'knex'
import { ServiceError } from '../errors.ts'
import type { Chunk, StoredChunk } from '../receipts/chunk.ts'
import type { Counts } from '../receipts/counts.ts'
import type {
  AnswerForm,
  Ending,
  ImportMode,
  ImportPlace,
  ImportState,
  NewImport,
  Receipt,
} from '../receipts/receipt.ts'
import { query } from './query.ts'

/** Its condition: nothing is written for an import that has ended, whoever ended it. */
const running = `organization_id = ?::integer and id = ?::text and state = 'running'`

/** That an import was ended by somebody else while it still ran here. */
const ended = (): ServiceError =>
  new ServiceError('import.lost', 'The import was given up: the service did not hear of it for too long.')

const countNames = ['created', 'updated', 'unchanged', 'invalid', 'skipped'] as const

/**
 * Adds the chunk of a batch, and its rows to the counts.
 *
 * @returns whether the import is asked to stop
 * @throws ServiceError `import.lost` If the import has ended
 */
export async function appendChunk(
  trx: Knex,
  { organizationId, id }: ImportPlace,
  number: number,
  { firstRow, answer, notes, counts }: Chunk,
): Promise<boolean> {
  const sums = countNames.map((name) => `${name} = ${name} + ?::integer`)
  const rows = await query<{ stop: boolean }>(
    trx,
    `with import as (
       update imports
          set chunks = chunks + 1, result_bytes = result_bytes + ?::bigint, ${sums.join(', ')}
        where ${running} and chunks = ?::integer
       returning organization_id, id, stop_requested
     ), chunk as (
       insert into import_chunks (organization_id, import_id, number, first_row, answer, notes)
       select organization_id, id, ?::integer, ?::integer, ?::bytea, ?::bytea from import
     )
     select stop_requested as stop from import`,
    [
      answer.length + notes.length,
      ...countNames.map((name) => counts[name]),
      organizationId,
      id,
      number,
      number,
      firstRow,
      answer,
      notes,
    ],
  )
  if (rows[0] === undefined) throw ended()
  return rows[0].stop
}

/** How many chunks an import has. */
export async function countChunks(knex: Knex, { organizationId, id }: ImportPlace): Promise<number> {
  const sql = 'select chunks from imports where organization_id = ?::integer and id = ?::text'
  const [row] = await query<{ chunks: number }>(knex, sql, [organizationId, id])
  return row?.chunks ?? 0
}

/** The state of an import. */
export async function stateOf(
  knex: Knex,
  { organizationId, id }: ImportPlace,
): Promise<ImportState | undefined> {
  const sql = 'select state from imports where organization_id = ?::integer and id = ?::text'
  return (await query<{ state: ImportState }>(knex, sql, [organizationId, id]))[0]?.state
}

/** Chunks from a number on, in order. */
export async function readChunks(
  knex: Knex,
  { organizationId, id }: ImportPlace,
  from: number,
  limit: number,
): Promise<readonly StoredChunk[]> {
  const rows = await query<{ first_row: number; answer: Buffer; notes: Buffer }>(
    knex,
    `select first_row, answer, notes from import_chunks
      where organization_id = ?::integer and import_id = ?::text and number >= ?::integer
      order by number limit ?::integer`,
    [organizationId, id, from, limit],
  )
  return rows.map(({ first_row: firstRow, answer, notes }) => ({ firstRow, answer, notes }))
}

/** A row of the table `imports`, as {@link receiptColumns} reads it. */
interface ImportRow extends Readonly<Record<string, unknown>> {
  readonly organization_id: number
  readonly id: string
  readonly state: ImportState
  readonly reason_code: string | null
  readonly reason: string | null
  readonly mode: ImportMode
  readonly refused: boolean
  readonly caller: string
  readonly caller_email: string | null
  readonly file_name: string | null
  readonly idempotency_key: string | null
  readonly request: string
  readonly form: string
  readonly upload_bytes: number | null
  readonly upload_digest: string | null
  readonly answer_digest: string | null
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly invalid: number
  readonly skipped: number
  readonly chunks: number
  readonly created_at: Date
  readonly ended_at: Date | null
  readonly erased_at: Date | null
  readonly place: string
}

const receiptColumns = `
  organization_id, id, state, reason_code, reason, mode, refused, caller, caller_email, file_name, idempotency_key,
  request, form, upload_bytes::float8 as upload_bytes, upload_digest, answer_digest, created, updated, unchanged, invalid,
  skipped, chunks, created_at, ended_at, erased_at,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place`

/** A receipt, and its place in the history to the microsecond. */
export interface PlacedReceipt {
  readonly receipt: Receipt
  readonly createdAt: string
}

/** Receipts by the end of a statement, from its `where` on. */
export async function selectReceipts(
  knex: Knex,
  rest: string,
  parameters: readonly (string | number)[],
): Promise<readonly PlacedReceipt[]> {
  const rows = await query<ImportRow>(knex, `select ${receiptColumns} from imports ${rest}`, parameters)
  return rows.map((row) => ({ receipt: receiptOf(row), createdAt: row.place }))
}

function receiptOf(row: ImportRow): Receipt {
  const counts = Object.fromEntries(countNames.map((name) => [name, row[name]])) as unknown as Counts
  const { upload_bytes: bytes, upload_digest: sha256 } = row
  return {
    organizationId: row.organization_id,
    id: row.id,
    state: row.state,
    reason: row.reason_code === null ? undefined : { code: row.reason_code, detail: row.reason ?? '' },
    mode: row.mode,
    refused: row.refused,
    counts,
    chunks: row.chunks,
    caller: row.caller,
    callerEmail: row.caller_email ?? undefined,
    fileName: row.file_name ?? undefined,
    idempotencyKey: row.idempotency_key ?? undefined,
    request: row.request,
    form: formOf(row.form),
    upload: bytes === null || sha256 === null ? undefined : { bytes, sha256 },
    answerDigest: row.answer_digest ?? undefined,
    createdAt: row.created_at,
    endedAt: row.ended_at ?? undefined,
    erasedAt: row.erased_at ?? undefined,
  }
}

/** In a list JSON knows no `undefined`, which stands for a column that is passed through. */
function formOf(text: string): AnswerForm {
  const form = JSON.parse(text) as AnswerForm & {
    readonly columns: readonly (AnswerForm['columns'][number] | null)[]
  }
  return { ...form, columns: form.columns.map((column) => column ?? undefined) }
}

/** Writes the receipt of an import that begins. */
export async function insertReceipt(
  trx: Knex,
  id: string,
  processId: string,
  wanted: NewImport,
): Promise<void> {
  await query(
    trx,
    `insert into imports (organization_id, id, mode, caller, caller_email, file_name, idempotency_key, request, form,
                          process_id)
     values (?::integer, ?::text, ?::text, ?::text, ?::text, ?::text, ?::text, ?::text, ?::text, ?::text)`,
    [
      wanted.organizationId,
      id,
      wanted.mode,
      wanted.caller,
      wanted.callerEmail ?? null,
      wanted.fileName ?? null,
      wanted.idempotencyKey ?? null,
      wanted.request,
      JSON.stringify(wanted.form),
      processId,
    ],
  )
}

/** Changes a running import. @returns whether it was still running */
export async function updateRunning(
  knex: Knex,
  { organizationId, id }: ImportPlace,
  assignments: string,
  parameters: readonly (string | number)[],
): Promise<boolean> {
  const sql = `update imports set ${assignments} where ${running} returning 1 as done`
  return (await query(knex, sql, [...parameters, organizationId, id])).length > 0
}

/**
 * Writes the last word of an import that is complete. The same again does nothing.
 *
 * @throws ServiceError `import.lost` If somebody else has ended it
 */
export async function finishReceipt(
  knex: Knex,
  place: ImportPlace,
  { upload, answerDigest }: Ending,
): Promise<void> {
  const set = `state = 'finished', ended_at = clock_timestamp(), upload_bytes = ?::bigint, upload_digest = ?::text,
               answer_digest = ?::text`
  if (await updateRunning(knex, place, set, [upload.bytes, upload.sha256, answerDigest])) return
  if ((await stateOf(knex, place)) !== 'finished') throw ended()
}
