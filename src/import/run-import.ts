import { setTimeout } from 'node:timers/promises'
import { internal, ServiceError } from '../errors.ts'
import type { AbortReason, ReceiptWriter } from '../receipts/receipt.ts'
import { AnswerDigest } from './answer-digest.ts'
import { importRows } from './import-rows.ts'
import { importWhole } from './import-whole.ts'
import type { AnsweredRows } from './recall.ts'
import type { EarlierRun, Progress, RunParts } from './run-parts.ts'

// How long the one who waits for an answer waits for its receipt to be written, in milliseconds.
const LAST_WORD = 2_000

/**
 * Runs an import until its receipt is finished or aborted. It goes on whether anybody still waits for the answer or
 * not, as long as the upload comes. It never rejects: how it ends is told to `progress`, and stands in the receipt.
 *
 * @returns the error of a last word that could not be written; `undefined` if it could
 */
export async function runImport(parts: RunParts, progress: Progress): Promise<unknown> {
  const { receipt, mode } = parts
  try {
    if (mode === 'each') await importEach(parts, progress)
    else await importWhole({ ...parts, mode }, progress)
    progress.finished()
    return undefined
  } catch (error) {
    // Who was told to stop may have failed at something else because of it.
    const cause: unknown = receipt.signal.aborted ? receipt.signal.reason : error
    const aborting = abort(receipt, cause)
    // Whoever is told so finds it in the receipt; but he is told also while that can't be written.
    await Promise.race([aborting, setTimeout(LAST_WORD, undefined, { ref: false })])
    progress.failed(cause)
    return await aborting
  }
}

/** Imports each row on its own, as the upload comes; those that an earlier run has answered are not imported again. */
async function importEach(
  { upload, receipt, recorder, digested, earlier, ...parts }: RunParts,
  progress: Progress,
): Promise<void> {
  const digest = new AnswerDigest(digested)
  const answered = earlier === undefined ? undefined : answeredBy(earlier, digest, receipt.signal)
  const importing = { ...parts, store: receipt.store, record: recorder('imported'), answered }
  for await (const chunk of importRows(upload.rows, importing)) {
    digest.add(chunk)
    progress.stored(chunk)
    receipt.signal.throwIfAborted()
  }
  await receipt.finish({ upload: await upload.received(), answerDigest: digest.value() })
}

async function* answeredBy(
  { chunks, meant }: EarlierRun,
  digest: AnswerDigest,
  signal: AbortSignal,
): AsyncGenerator<AnsweredRows> {
  for await (const chunk of chunks) {
    signal.throwIfAborted()
    digest.add(chunk)
    yield { firstRow: chunk.firstRow, meant: meant(chunk) }
  }
}

/** What a receipt says of the error that ended its import. */
export function abortReason(error: unknown): AbortReason {
  return (error instanceof ServiceError ? error : internal(error)).reason
}

async function abort(receipt: ReceiptWriter, error: unknown): Promise<unknown> {
  try {
    await receipt.abort(abortReason(error))
    return undefined
  } catch (failure) {
    return failure
  }
}
