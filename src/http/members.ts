import type { Request, RequestHandler } from 'express'
import { ServiceError } from '../errors.ts'
import { memberForm } from '../import/member-rows.ts'
import type { MemberInstructions } from '../jobs/members-run.ts'
import type { JobStore } from '../jobs/job.ts'
import { importedOf, rowsOf } from '../receipts/counts.ts'
import type { Receipt, ReceiptStore } from '../receipts/receipt.ts'
import type { Addressees } from '../users/addressees.ts'
import { acceptedType } from './accept.ts'
import { memberAnswerTypes } from './answer-text.ts'
import { preferencesOf } from './import-request.ts'
import { letterAddress } from './letter-address.ts'
import { memberCaller, type MemberCaller, type MemberCallerParts } from './member-caller.ts'
import { queryOf } from './query.ts'
import { readMembersImport, type MembersImport } from './read-members-import.ts'
import { progressOf } from './receipt-json.ts'
import { unknownImport } from './receipt-problems.ts'
import { lettersOf, sendReceipt, sendResult, stopOrErase } from './send-receipt.ts'
import { mismatch } from './replay.ts'

/** What the routes of members need. */
export interface MemberRouteParts extends MemberCallerParts {
  readonly jobs: JobStore
  /** Hears that a job waits for a worker. */
  readonly onJob: () => void
  readonly receipts: ReceiptStore
  readonly addressees: Addressees
  readonly maxUploadBytes: number
}

/** `POST /v1/organizations/{organizationId}/members/import`: members in, 202 out; a worker imports them. */
export function importMembers(parts: MemberRouteParts): RequestHandler {
  return async (req, res) => {
    const caller = await memberCaller(req, parts)
    const { organizationId } = caller
    queryOf(req, {})
    refuseStrict(req)
    const body = await readMembersImport(req, { maxBytes: parts.maxUploadBytes, organizationId })
    try {
      await submit(caller, body, parts)
    } finally {
      await body.close()
    }
    res.set({ Location: pathOf(organizationId, body.envelope.id), 'Cache-Control': 'no-store' })
    res.status(202).end()
  }
}

/** What would change what is written is never ignored. */
function refuseStrict(req: Request): void {
  if (!preferencesOf(req.headers['prefer']).isStrict) return
  const detail =
    'Prefer: handling=strict is not for members: each is imported on its own. Leave it out, and see the result for who is invalid.'
  throw new ServiceError('request.preference', detail)
}

/** Keeps an import for a worker; one that was kept before is not done again. */
async function submit(caller: MemberCaller, body: MembersImport, parts: MemberRouteParts): Promise<void> {
  const { envelope, members, meaning, payload, upload } = body
  const instructions: MemberInstructions = { importer: caller.importer }
  const submitted = await parts.jobs.submit(
    {
      organizationId: caller.organizationId,
      caller: caller.subject,
      callerEmail: caller.email,
      kind: 'members',
      mode: 'each',
      fileName: envelope.importFilename,
      idempotencyKey: envelope.id,
      request: meaning,
      form: memberForm,
      job: {
        recipient: await letterAddress(caller, parts.addressees, envelope.importingUserId),
        instructions: JSON.stringify(instructions),
        rowsTotal: members,
      },
    },
    () => payload.read(),
    upload,
  )
  if (submitted.kind === 'new') parts.onJob()
  else if (submitted.receipt.request !== meaning)
    throw mismatch('This id was used before with other members: use a new id for a new import.')
}

/** Where an import is found: its id may be any text. */
const pathOf = (organizationId: number, id: string): string =>
  `/v1/organizations/${organizationId}/members/import/${encodeURIComponent(id)}`

/** The import of the path. The ids belong to their callers, so of several with the same one's own is meant. */
async function receiptOf(req: Request, parts: MemberRouteParts): Promise<Receipt> {
  const { organizationId, subject } = await memberCaller(req, parts)
  const { id } = req.params
  // Nothing longer is ever stored, and no text of the database holds NUL.
  const isPossible = typeof id === 'string' && id.length <= 400 && !id.includes('\0')
  const scope = { organizationId, kind: 'members', caller: undefined } as const
  if (!isPossible) throw unknownImport()
  const { receipts } = parts
  // A letter names its import by the id that the service gave it: that of the caller may mean another by now.
  const receipt =
    (await receipts.findByKey(scope, subject, id)) ??
    (isUuid(id) ? await receipts.find(scope, id) : undefined)
  if (receipt === undefined) throw unknownImport()
  return receipt
}

const isUuid = (text: string): boolean => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/.test(text)

/** `GET …/members/import/{id}`: how far an import has come, and what it came to. */
export function showMembersImport(parts: MemberRouteParts): RequestHandler {
  return async (req, res) => {
    const receipt = await receiptOf(req, parts)
    queryOf(req, {})
    sendReceipt(res, receipt, { ...membersJson(receipt), ...(await lettersOf(receipt, parts.receipts)) })
  }
}

function membersJson(receipt: Receipt): object {
  const { counts, reason, job, idempotencyKey = '' } = receipt
  return {
    id: idempotencyKey,
    importId: receipt.id,
    state: receipt.state,
    ...(reason === undefined ? {} : { reason }),
    progress: job === undefined ? null : progressOf(receipt, job),
    counts: { members: rowsOf(counts), imported: importedOf(counts), ...counts },
    caller: receipt.caller,
    createdAt: receipt.createdAt.toISOString(),
    endedAt: receipt.endedAt?.toISOString() ?? null,
    fileName: receipt.fileName ?? null,
    result:
      receipt.erasedAt === undefined ? `${pathOf(receipt.organizationId, idempotencyKey)}/result` : null,
    resultDeletedAt: receipt.erasedAt?.toISOString() ?? null,
  }
}

/** `GET …/members/import/{id}/result`: the members, each with what became of it, as JSON or CSV. */
export function showMembersResult(parts: MemberRouteParts): RequestHandler {
  return async (req, res) => {
    const found = await receiptOf(req, parts)
    const query = queryOf(req, { only: ['invalid'] })
    const type = acceptedType(req, memberAnswerTypes)
    await sendResult(req, res, parts.receipts, {
      found,
      type,
      onlyInvalid: query.has('only'),
      guardsFormulas: true,
    })
  }
}

/** `DELETE …/members/import/{id}`: stops a running import after its batch, or deletes the result of one that has ended. */
export function deleteMembersImport(parts: MemberRouteParts): RequestHandler {
  return async (req, res) => {
    const receipt = await receiptOf(req, parts)
    queryOf(req, {})
    await stopOrErase(res, receipt, parts.receipts)
  }
}
