import type { Request, RequestHandler } from 'express'
import type { Receipt, ReceiptScope, ReceiptStore } from '../receipts/receipt.ts'
import { acceptedType } from './accept.ts'
import { answerTypes } from './answer-text.ts'
import { knownCaller, type CallerParts } from './caller.ts'
import { pathOf, queryOf } from './query.ts'
import { receiptJson } from './receipt-json.ts'
import { unknownImport } from './receipt-problems.ts'
import { lettersOf, sendReceipt, sendResult, stopOrErase } from './send-receipt.ts'

/** What the routes of receipts need. */
export interface ReceiptRouteParts extends CallerParts {
  readonly receipts: ReceiptStore
}

/** An owner sees the imports of everybody, a member his own; for others there are none. */
export async function scopeOf(req: Request, parts: CallerParts): Promise<ReceiptScope> {
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

/** `DELETE …/users/{id}`: stops a running import after its batch, or deletes the result of one that has ended. */
export function deleteReceipt(parts: ReceiptRouteParts): RequestHandler {
  return async (req, res) => {
    const receipt = await receiptOf(req, parts)
    queryOf(req, {})
    await stopOrErase(res, receipt, parts.receipts)
  }
}
