import type { Request, Response } from 'express'
import { followStored, receiptWhen } from '../receipts/follow.ts'
import { hasEnded, isTold } from '../receipts/receipt.ts'
import type { Receipt, ReceiptStore } from '../receipts/receipt.ts'
import { answerResult } from './answer-result.ts'
import type { AnswerWish } from './answer-text.ts'
import { goneSignal } from './gone.ts'
import { lettersJson } from './receipt-json.ts'
import { erased } from './receipt-problems.ts'

/** Receipts tell of people: nobody keeps them on the way, and no browser shows them as a page. */
export function sendJson(res: Response, body: object, fileName: string): void {
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

/** Stops a running import after its batch, or deletes the result of one that has ended. */
export async function stopOrErase(res: Response, receipt: Receipt, receipts: ReceiptStore): Promise<void> {
  if (!hasEnded(receipt)) await receipts.requestStop(receipt)
  else await receipts.erase(receipt)
  res
    .set('Cache-Control', 'no-store')
    .status(hasEnded(receipt) ? 204 : 202)
    .end()
}
