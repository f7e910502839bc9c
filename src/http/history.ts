import type { Request, RequestHandler } from 'express'
import type { HistoryCursor, HistoryQuery } from '../receipts/receipt.ts'
import { unquoted } from './idempotency-key.ts'
import { pathOf, queryOf, type Parameter } from './query.ts'
import { receiptJson } from './receipt-json.ts'
import { scopeOf, type ReceiptRouteParts } from './receipts.ts'
import { sendJson } from './send-receipt.ts'

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
