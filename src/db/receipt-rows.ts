import type { Knex } from 'knex'
import type {
  AnswerForm,
  ImportKind,
  ImportMode,
  ImportState,
  JobProgress,
  Receipt,
} from '../receipts/receipt.ts'
import { query, type ResultRow } from './query.ts'

/** A row of the table `imports`, as {@link receiptColumns} reads it. */
interface ImportRow extends ResultRow {
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
  const { created, updated, unchanged, invalid, skipped, upload_bytes: bytes, upload_digest: sha256 } = row
  return {
    organizationId: row.organization_id,
    id: row.id,
    kind: row.kind,
    state: row.state,
    reason: row.reason_code === null ? undefined : { code: row.reason_code, detail: row.reason ?? '' },
    mode: row.mode,
    refused: row.refused,
    counts: { created, updated, unchanged, invalid, skipped },
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
