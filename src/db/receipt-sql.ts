import type { Knex } from 'knex'
import { ServiceError } from '../errors.ts'
import type { Chunk, StoredChunk } from '../receipts/chunk.ts'
import type {
  AbortReason,
  Ending,
  ImportPlace,
  ImportState,
  NewImport,
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

/**
 * Writes the receipt of an import that begins, and what is kept for its worker.
 *
 * @param processId - the process that takes its upload; `undefined` where all of it has come
 * @param upload - what has come, where all of it has
 * @throws ServiceError `letter.no_address` If nobody can be written to
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
  if (typeof recipient !== 'string') throw recipient
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
  const ended = await query(
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
  return ended.length > 0
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
