import type { Request, RequestHandler } from 'express'
import { followStored } from '../receipts/follow.ts'
import type { HistoryCursor, HistoryQuery, Receipt, ReceiptScope, ReceiptStore } from '../receipts/receipt.ts'
import { answerResult } from './answer-result.ts'
import { knownCaller, type CallerParts } from './caller.ts'
import { acceptedType } from './import-request.ts'
import { queryOf, type Parameter } from './query.ts'
import { receiptJson } from './receipt-json.ts'
import { erased, unknownImport } from './receipt-problems.ts'

/** What the routes of receipts need. */
export interface ReceiptRouteParts extends CallerParts {
  readonly receipts: ReceiptStore
}

/** An owner sees the imports of everybody, a member his own; for others there are none. */
async function scopeOf(req: Request, parts: CallerParts): Promise<ReceiptScope> {
  const { organizationId, role, subject } = await knownCaller(req, parts)
  if (role === undefined) throw unknownImport()
  return { organizationId, caller: role === 'organization_owner' ? undefined : subject }
}

async function receiptOf(req: Request, { receipts, ...parts }: ReceiptRouteParts): Promise<Receipt> {
  const scope = await scopeOf(req, parts)
  const { id } = req.params
  const receipt =
    typeof id === 'string' && /^[\w-]{1,64}$/.test(id) ? await receipts.find(scope, id) : undefined
  if (receipt === undefined) throw unknownImport()
  return receipt
}

/** `GET …/users/{id}`: what is kept of an import. */
export function showReceipt(parts: ReceiptRouteParts): RequestHandler {
  return async (req, res) => {
    const receipt = await receiptOf(req, parts)
    queryOf(req, {})
    if (receipt.state === 'running') res.set('Retry-After', '1')
    res.set('Cache-Control', 'no-store').json(receiptJson(receipt, `${req.baseUrl}${req.path}`))
  }
}

/** `GET …/users/{id}/result.csv`: the answer of an import, whole or as far as it is there, and then as it grows. */
export function showResult(parts: ReceiptRouteParts): RequestHandler {
  return async (req, res) => {
    const receipt = await receiptOf(req, parts)
    const query = queryOf(req, { only: ['invalid'] })
    const type = acceptedType(req)
    if (receipt.erasedAt !== undefined) throw erased()
    await answerResult(res, parts.receipts, {
      receipt,
      chunks: followStored(parts.receipts, receipt),
      wish: { type, onlyInvalid: receipt.form.options.onlyInvalid || query.has('only') },
      headers: { 'Import-Id': receipt.id, 'Import-State': receipt.state },
      status: 200,
    })
  }
}

/** `DELETE …/users/{id}`: stops a running import after its batch, or deletes the result of one that has ended. */
export function deleteReceipt(parts: ReceiptRouteParts): RequestHandler {
  return async (req, res) => {
    const receipt = await receiptOf(req, parts)
    queryOf(req, {})
    if (receipt.state === 'running') await parts.receipts.requestStop(receipt)
    else await parts.receipts.erase(receipt)
    res.set('Cache-Control', 'no-store').sendStatus(receipt.state === 'running' ? 202 : 204)
  }
}

const PAGE = 50
const LARGEST_PAGE = 200

/** `GET …/users`: the imports of the past, newest first, in pages. */
export function listReceipts(parts: ReceiptRouteParts): RequestHandler {
  return async (req, res) => {
    const scope = await scopeOf(req, parts)
    const asked = historyQueryOf(req)
    const { receipts, next } = await parts.receipts.list(scope, asked)
    const path = `${req.baseUrl}${req.path}`
    const nextUrl = next === undefined ? undefined : `${path}?${nextQuery(req, next)}`
    if (nextUrl !== undefined) res.set('Link', `<${nextUrl}>; rel="next"`)
    res.set('Cache-Control', 'no-store').json({
      imports: receipts.map((receipt) => receiptJson(receipt, `${path}/${receipt.id}`)),
      next: nextUrl ?? null,
    })
  }
}

function historyQueryOf(req: Request): HistoryQuery {
  const query = queryOf(req, historyParameters)
  const before = query.get('before')
  return {
    limit: Number(query.get('limit') ?? PAGE),
    before: before === null ? undefined : cursorOf(before),
    idempotencyKey: query.get('idempotencyKey') ?? undefined,
  }
}

const historyParameters: Readonly<Record<string, Parameter>> = {
  limit: {
    accepts: (value) => /^\d{1,3}$/.test(value) && Number(value) >= 1 && Number(value) <= LARGEST_PAGE,
    howTo: `say a number from 1 to ${LARGEST_PAGE}`,
  },
  before: {
    accepts: (value) => cursorOf(value) !== undefined,
    howTo: 'take it from the next page of a list, as it stands there',
  },
  idempotencyKey: { accepts: (value) => /^[ -~]{1,255}$/.test(value), howTo: 'say a key of printable ASCII' },
}

function nextQuery(req: Request, { createdAt, id }: HistoryCursor): string {
  const query = new URLSearchParams(req.url.split('?')[1] ?? '')
  query.set('before', `${createdAt}~${id}`)
  return query.toString()
}

function cursorOf(text: string): HistoryCursor | undefined {
  const [, createdAt, id] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)~([\w-]{1,64})$/.exec(text) ?? []
  if (createdAt === undefined || id === undefined || Number.isNaN(Date.parse(createdAt))) return undefined
  return { createdAt, id }
}
