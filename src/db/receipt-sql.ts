import type { Knex } from 'knex'
import { ServiceError } from '../errors.ts'
import type { Chunk, StoredChunk } from '../receipts/chunk.ts'
import type { Counts } from '../receipts/counts.ts'
import type {
  AbortReason,
  AnswerForm,
  Ending,
  ImportKind,
  ImportMode,
  ImportPlace,
  ImportState,
  JobProgress,
  NewImport,
  Receipt,
  UploadDigest,
} from '../receipts/receipt.ts'
import { execute, query, type Parameter } from './query.ts'

/** Where an import stands, and as whose it is written: see {@link running}. */
export interface FencedPlace extends ImportPlace {
  /** 0 for whoever took the upload; every worker that claims the import raises it. */
  readonly fence: number
}

/** Its condition: nothing is written for an import that has ended, or that another worker has claimed since. */
const running = `organization_id = ?::integer and id = ?::text and state = 'running' and fence = ?::integer`

const fenced = ({ organizationId, id, fence }: FencedPlace) => [organizationId, id, fence] as const

/** That an import was ended, or claimed, by somebody else while it still ran here. */
export const lost = (): ServiceError =>
  new ServiceError('import.lost', 'The import was given up: the service did not hear of it for too long.')

/** The columns that count rows. */
export const countNames = ['created', 'updated', 'unchanged', 'invalid', 'skipped'] as const

/**
 * Adds the chunk of a batch, and its rows to the counts.
 *
 * @returns whether the import is asked to stop
 * @throws ServiceError `import.lost` If the import has ended
 */
export async function appendChunk(
  trx: Knex,
  place: FencedPlace,
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
      ...fenced(place),
      number,
      number,
      firstRow,
      answer,
      notes,
    ],
  )
  if (rows[0] === undefined) throw lost()
  return rows[0].stop
}

/** Deletes the chunks of an import. */
export async function deleteChunks(knex: Knex, { organizationId, id }: ImportPlace): Promise<void> {
  const sql = 'delete from import_chunks where organization_id = ?::integer and import_id = ?::text'
  await execute(knex, sql, [organizationId, id])
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
  readonly kind: ImportKind
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
  readonly job: string | null
  readonly place: string
}

const receiptColumns = `
  organization_id, id, kind, state, reason_code, reason, mode, refused, caller, caller_email, file_name, idempotency_key,
  request, form, upload_bytes::float8 as upload_bytes, upload_digest, answer_digest, created, updated, unchanged, invalid,
  skipped, chunks, created_at, ended_at, erased_at,
  (select json_build_object('rowsTotal', rows_total, 'attempts', attempts, 'trouble', trouble, 'startedAt', started_at)::text
     from import_jobs j where j.organization_id = imports.organization_id and j.import_id = imports.id) as job,
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
    kind: row.kind,
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
    job: row.job === null ? undefined : jobOf(row.job),
  }
}

function jobOf(text: string): JobProgress {
  const job = JSON.parse(text) as Readonly<Record<'trouble' | 'startedAt', string | null>> & {
    readonly rowsTotal: number | null
    readonly attempts: number
  }
  return {
    rowsTotal: job.rowsTotal ?? undefined,
    attempts: job.attempts,
    trouble: job.trouble ?? undefined,
    startedAt: job.startedAt === null ? undefined : new Date(job.startedAt),
  }
}

/** In a list JSON knows no `undefined`, which stands for a column that is passed through. */
function formOf(text: string): AnswerForm {
  const form = JSON.parse(text) as AnswerForm & {
    readonly columns: readonly (AnswerForm['columns'][number] | null)[]
  }
  return { ...form, columns: form.columns.map((column) => column ?? undefined) }
}

/**
 * Writes the receipt of an import that begins, and what is kept for its worker.
 *
 * @param processId - the process that takes its upload; `undefined` where all of it has come
 * @param upload - what has come, where all of it has
 */
export async function insertReceipt(
  trx: Knex,
  id: string,
  processId: string | undefined,
  wanted: NewImport,
  upload?: UploadDigest,
): Promise<void> {
  await query(
    trx,
    `insert into imports (organization_id, id, state, kind, mode, caller, caller_email, file_name, idempotency_key,
                          request, form, process_id, upload_bytes, upload_digest)
     values (?::integer, ?::text, ?::text, ?::text, ?::text, ?::text, ?::text, ?::text, ?::text, ?::text, ?::text,
             ?::text, ?::bigint, ?::text)`,
    [
      wanted.organizationId,
      id,
      processId === undefined ? 'waiting' : 'running',
      wanted.kind,
      wanted.mode,
      wanted.caller,
      wanted.callerEmail ?? null,
      wanted.fileName ?? null,
      wanted.idempotencyKey ?? null,
      wanted.request,
      JSON.stringify(wanted.form),
      processId ?? null,
      upload?.bytes ?? null,
      upload?.sha256 ?? null,
    ],
  )
  if (wanted.job === undefined) return
  const { recipient, instructions, rowsTotal } = wanted.job
  await query(
    trx,
    `insert into import_jobs (organization_id, import_id, recipient, instructions, rows_total, queued_at)
     values (?::integer, ?::text, ?::text, ?::text, ?::integer,
             case when ?::boolean then clock_timestamp() end)`,
    [wanted.organizationId, id, recipient, instructions, rowsTotal ?? null, processId === undefined],
  )
}

/** @throws ServiceError `import.lost` If the import has ended, or was claimed by somebody else */
export async function refuseLost(knex: Knex, place: FencedPlace): Promise<void> {
  const sql = `select 1 from imports where ${running}`
  if ((await query(knex, sql, fenced(place))).length === 0) throw lost()
}

/** Changes a running import. @returns whether it was still running */
export async function updateRunning(
  knex: Knex,
  place: FencedPlace,
  assignments: string,
  parameters: readonly Parameter[],
): Promise<boolean> {
  const sql = `update imports set ${assignments} where ${running} returning 1 as done`
  return (await query(knex, sql, [...parameters, ...fenced(place)])).length > 0
}

/** The last word on an import. */
export interface LastWord {
  readonly state: 'finished' | 'aborted' | 'failed'
  readonly reason?: AbortReason
  readonly ending?: Ending
}

// An import that was finished in order, one that somebody stopped, one that was given up.
const letterKinds = { finished: 'finished', aborted: 'stopped', failed: 'failed' } as const

/**
 * Says the last word on an import. Of one in the background the payload goes, and the letter is written: by this
 * very statement, so that there is one of each kind whatever breaks.
 *
 * @param from - the state that it must be in
 * @returns whether it was in that state
 */
export async function endImport(
  knex: Knex,
  place: FencedPlace,
  { state, reason, ending }: LastWord,
  from: 'running' | 'waiting' = 'running',
): Promise<boolean> {
  return (
    (
      await query(
        knex,
        `with ended as (
           update imports
              set state = ?::text, ended_at = clock_timestamp(), reason_code = ?::text, reason = ?::text,
                  upload_bytes = coalesce(?::bigint, upload_bytes), upload_digest = coalesce(?::text, upload_digest),
                  answer_digest = ?::text
            where organization_id = ?::integer and id = ?::text and fence = ?::integer and state = ?::text
           returning organization_id, id
         ), payload as (
           delete from import_payloads p using ended e where p.organization_id = e.organization_id and p.import_id = e.id
         ), letter as (
           insert into letters (organization_id, import_id, kind, recipient)
           select j.organization_id, j.import_id, ?::text, j.recipient
             from import_jobs j join ended e on j.organization_id = e.organization_id and j.import_id = e.id
            where j.queued_at is not null
           on conflict do nothing
         )
         select 1 as done from ended`,
        [
          state,
          reason?.code ?? null,
          reason?.detail ?? null,
          ending?.upload.bytes ?? null,
          ending?.upload.sha256 ?? null,
          ending?.answerDigest ?? null,
          ...fenced(place),
          from,
          letterKinds[state],
        ],
      )
    ).length > 0
  )
}

/**
 * Writes the last word of an import that is complete. The same again does nothing.
 *
 * @throws ServiceError `import.lost` If somebody else has ended it
 */
export async function finishReceipt(knex: Knex, place: FencedPlace, ending: Ending): Promise<void> {
  if (await endImport(knex, place, { state: 'finished', ending })) return
  if ((await stateOf(knex, place)) !== 'finished') throw lost()
}
