import type { Request, RequestHandler, Response } from 'express'
import { followStored, receiptWhen } from '../receipts/follow.ts'
import { hasEnded, isTold } from '../receipts/receipt.ts'
import type { HistoryCursor, HistoryQuery, Receipt, ReceiptScope, ReceiptStore } from '../receipts/receipt.ts'
import { acceptedType } from './accept.ts'
import { answerResult } from './answer-result.ts'
import { answerTypes, type AnswerWish } from './answer-text.ts'
import { knownCaller, type CallerParts } from './caller.ts'
import { goneSignal } from './gone.ts'
import { unquoted } from './idempotency-key.ts'
import { pathOf, queryOf, type Parameter } from './query.ts'
import { lettersJson, receiptJson } from './receipt-json.ts'
import { erased, unknownImport } from './receipt-problems.ts'

/** What the routes of receipts need. */
export interface ReceiptRouteParts extends CallerParts {
  readonly receipts: ReceiptStore
}

/** An owner sees the imports of everybody, a member his own; for others there are none. */
async function scopeOf(req: Request, parts: CallerParts): Promise<ReceiptScope> {
  const { organizationId, role, subject } = await knownCaller(req, parts)
  if (role === undefined) throw unknownImport()
  return { organizationId, kind: 'users', caller: role === 'organization_owner' ? undefined : subject }
}

async function receiptOf(req: Request, { receipts, ...parts }: ReceiptRouteParts): Promise<Receipt> {
  const scope = await scopeOf(req, parts)
  const { id } = req.params
  const receipt =
    typeof id === 'string' && /^[\w-]{1,64}$/.test(id) ? await receipts.find(scope, id) : undefined
  if (receipt === undefined) throw unknownImport()
  return receipt
}

/** Receipts tell of people: nobody keeps them on the way, and no browser shows them as a page. */
function sendJson(res: Response, body: object, fileName: string): void {
  res.set({ 'Cache-Control': 'no-store', 'Content-Disposition': `attachment; filename="${fileName}"` })
  res.json(body)
}

/** Sends what is kept of an import; whoever waits for its end is told when to ask again. */
export function sendReceipt(res: Response, receipt: Receipt, body: object): void {
  if (!hasEnded(receipt)) res.set('Retry-After', '1')
  sendJson(res, body, 'import.json')
}

/** The letters about an import in the background. */
export async function lettersOf(
  receipt: Receipt,
  receipts: ReceiptStore,
): Promise<{ readonly letters?: readonly object[] }> {
  return receipt.job === undefined ? {} : { letters: lettersJson(await receipts.letters(receipt)) }
}

/** `GET …/users/{id}`: what is kept of an import. */
export function showReceipt(parts: ReceiptRouteParts): RequestHandler {
  return async (req, res) => {
    const receipt = await receiptOf(req, parts)
    queryOf(req, {})
    sendReceipt(res, receipt, {
      ...receiptJson(receipt, pathOf(req)),
      ...(await lettersOf(receipt, parts.receipts)),
    })
  }
}

/** `GET …/users/{id}/result.csv`: the answer of an import, whole or as far as it is there, and then as it grows. */
export function showResult(parts: ReceiptRouteParts): RequestHandler {
  return async (req, res) => {
    const found = await receiptOf(req, parts)
    const query = queryOf(req, { only: ['invalid'] })
    const type = acceptedType(req, answerTypes)
    await sendResult(req, res, parts.receipts, { found, type, onlyInvalid: query.has('only') })
  }
}

/** Sends the result of an import, whole or as far as it is there, and then as it grows. */
export async function sendResult(
  req: Request,
  res: Response,
  receipts: ReceiptStore,
  { found, ...wish }: AnswerWish & { readonly found: Receipt },
): Promise<void> {
  const gone = goneSignal(res)
  const receipt = req.method === 'HEAD' ? found : await receiptWhen(receipts, found, isTold, gone)
  if (receipt.erasedAt !== undefined) throw erased()
  await answerResult(res, {
    receipt,
    chunks: followStored(receipts, receipt, gone),
    gone,
    wish: { ...wish, onlyInvalid: receipt.form.options.onlyInvalid || wish.onlyInvalid },
    headers: { 'Import-Id': receipt.id, 'Import-State': receipt.state },
    status: 200,
  })
}

/** `DELETE …/users/{id}`: stops a running import after its batch, or deletes the result of one that has ended. */
export function deleteReceipt(parts: ReceiptRouteParts): RequestHandler {
  return async (req, res) => {
    const receipt = await receiptOf(req, parts)
    queryOf(req, {})
    await stopOrErase(res, receipt, parts.receipts)
  }
}

/** Stops a running import after its batch, or deletes the result of one that has ended. */
export async function stopOrErase(res: Response, receipt: Receipt, receipts: ReceiptStore): Promise<void> {
  if (!hasEnded(receipt)) await receipts.requestStop(receipt)
  else await receipts.erase(receipt)
  res
    .set('Cache-Control', 'no-store')
    .status(hasEnded(receipt) ? 204 : 202)
    .end()
}

const PAGE = 50
const LARGEST_PAGE = 200

/** `GET …/users`: the imports of the past, newest first, in pages. */
export function listReceipts(parts: ReceiptRouteParts): RequestHandler {
  return async (req, res) => {
    const scope = await scopeOf(req, parts)
    const asked = historyQueryOf(req)
    const { receipts, next } = await parts.receipts.list(scope, asked)
    const path = pathOf(req)
    const nextUrl = next === undefined ? undefined : `${path}?${nextQuery(req, next)}`
    if (nextUrl !== undefined) res.set('Link', `<${nextUrl}>; rel="next"`)
    const imports = receipts.map((receipt) => receiptJson(receipt, `${path}/${receipt.id}`))
    sendJson(res, { imports, next: nextUrl ?? null }, 'imports.json')
  }
}

function historyQueryOf(req: Request): HistoryQuery {
  const query = queryOf(req, historyParameters)
  const before = query.get('before')
  return {
    limit: Number(query.get('limit') ?? PAGE),
    before: before === null ? undefined : cursorOf(before),
    idempotencyKey: unquoted(query.get('idempotencyKey') ?? undefined),
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
  return createdAt === undefined || id === undefined || !isMoment(createdAt) ? undefined : { createdAt, id }
}

/** Date takes 30 February for 1 March, which PostgreSQL refuses; and PostgreSQL has no year 0. */
function isMoment(text: string): boolean {
  const time = Date.parse(text)
  return (
    !Number.isNaN(time) &&
    !text.startsWith('0000') &&
    new Date(time).toISOString().startsWith(text.slice(0, 19))
  )
}
