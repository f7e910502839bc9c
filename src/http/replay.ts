import type { Response } from 'express'
import { ServiceError } from '../errors.ts'
import { followStored, receiptWhen } from '../receipts/follow.ts'
import { isTold, type AnswerForm, type Receipt, type ReceiptStore } from '../receipts/receipt.ts'
import { answerResult } from './answer-result.ts'
import { goneSignal } from './gone.ts'
import type { ImportRequest } from './import-request.ts'
import type { Incoming } from './incoming.ts'
import { accept } from './take-in.ts'
import { erased } from './receipt-problems.ts'

/** A request whose idempotency key is known, and the import that has it. */
export interface Replay {
  readonly receipt: Receipt
  readonly incoming: Incoming
  readonly request: ImportRequest
  /** How this request would be answered if it were new. */
  readonly form: AnswerForm
}

/**
 * Answers a request that was made before with the answer of that time, and writes nothing. While the first is still
 * running it is followed.
 *
 * @throws ServiceError `idempotency.mismatch` If it is not the same request; `import.aborted` If the first came to
 *   nothing meanwhile, so that the key is free again
 */
export async function replay(
  res: Response,
  store: ReceiptStore,
  { receipt, incoming, request, form }: Replay,
): Promise<void> {
  const gone = goneSignal(res)
  const upload = await incoming.received()
  const first = await receiptWhen(store, receipt, (now) => now.upload !== undefined, gone)
  refuseAborted(first)
  const isSame = first.request === request.fingerprint && first.form.charset === form.charset
  if (!isSame || first.upload?.sha256 !== upload.sha256)
    throw mismatch(
      'This Idempotency-Key was used before with another file or other options: use a new key for a new import.',
    )
  // What was done while its sender waited is there: it has no letter, and he gets its answer.
  if (request.isAsync && receipt.job !== undefined) {
    accept(res, request.mode)
    return
  }
  // The status of a strict import is known only with its first rows.
  const begun = await receiptWhen(store, first, (now) => now.chunks > 0 && isTold(now), gone)
  refuseAborted(begun)
  if (begun.erasedAt !== undefined) throw erased()
  await answerResult(res, {
    receipt: begun,
    chunks: followStored(store, begun, gone),
    gone,
    wish: { type: request.answerType, onlyInvalid: request.answer.onlyInvalid },
  })
}

function refuseAborted({ state }: Receipt): void {
  if (state !== 'aborted' && state !== 'failed') return
  const detail =
    'The import with this Idempotency-Key came to nothing, and the key is free: send the request again.'
  throw new ServiceError('import.aborted', detail, { headers: { 'Retry-After': '1' } })
}

/** A key was used before with something else. */
export const mismatch = (detail: string): ServiceError => new ServiceError('idempotency.mismatch', detail)
