import { createHash } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { Chunk } from '../receipts/chunk.ts'
import type { ReceiptWriter } from '../receipts/receipt.ts'
import { importRows } from './import-rows.ts'
import { importWhole } from './import-whole.ts'
import type { RunParts } from './run-parts.ts'

/** Hears how an import goes on. */
export interface Progress {
  /** A chunk that is stored. */
  stored(chunk: Chunk): void
  /** All of it is stored and its receipt is finished. */
  finished(): void
  /** It could not be completed. What was stored before stays. */
  failed(error: unknown): void
}

/**
 * Runs an import until its receipt is finished or aborted. It goes on whether anybody still waits for the answer or
 * not, as long as the upload comes. It never rejects: how it ends is told to `progress`, and stands in the receipt.
 *
 * @returns the error of a last word that could not be written; `undefined` if it could
 */
export async function runImport(parts: RunParts, progress: Progress): Promise<unknown> {
  const { receipt, upload, digested } = parts
  const digest = createHash('sha256').update(digested.head)
  try {
    for await (const chunk of chunksOf(parts)) {
      digest.update(digested.text(chunk))
      progress.stored(chunk)
      receipt.signal.throwIfAborted()
    }
    const received = await upload.received()
    await receipt.finish({ upload: received, answerDigest: digest.digest('base64') })
    progress.finished()
    return undefined
  } catch (error) {
    // Who was told to stop may have failed at something else because of it.
    const cause: unknown = receipt.signal.aborted ? receipt.signal.reason : error
    const failure = await abort(receipt, cause)
    progress.failed(cause)
    return failure
  }
}

function chunksOf(parts: RunParts): AsyncGenerator<Chunk> {
  const { mode, upload, receipt, recorder, ...importing } = parts
  if (mode !== 'each') return importWhole({ ...parts, mode })
  return importRows(upload.rows, { ...importing, store: receipt.store, record: recorder('imported') })
}

async function abort(receipt: ReceiptWriter, error: unknown): Promise<unknown> {
  const reason =
    error instanceof ServiceError
      ? { code: error.code, detail: error.message }
      : { code: 'internal', detail: 'Something went wrong on our side; it has been logged.' }
  try {
    await receipt.abort(reason)
    return undefined
  } catch (failure) {
    return failure
  }
}
