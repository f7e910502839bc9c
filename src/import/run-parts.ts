import type { Chunk } from '../receipts/chunk.ts'
import type { ImportMode, ReceiptWriter, UploadDigest } from '../receipts/receipt.ts'
import type { Outcome } from './answer.ts'
import type { ImportParts } from './import-rows.ts'
import type { AnnotatedRow, Row } from './row.ts'

/** The rows of an upload, and what is known of it when all of them have come. */
export interface Upload {
  /** The rows as they come, once. */
  readonly rows: AsyncIterable<readonly Row[]>
  /** The rows of an upload that was kept because it has to be received whole; as often as needed. */
  readonly again: () => AsyncIterable<readonly Row[]>
  /** Reads what is left of it. Only then is its digest known. */
  readonly received: () => Promise<UploadDigest>
}

/** What an import is run with. */
export interface RunParts extends Omit<ImportParts<never>, 'store' | 'record'> {
  readonly mode: ImportMode
  readonly upload: Upload
  readonly receipt: ReceiptWriter
  /** Makes the recorder of chunks; the text of an answer depends on what good rows come to. */
  readonly recorder: (outcome: Outcome) => (rows: readonly AnnotatedRow[]) => Promise<Chunk>
  /** The text of the result's first line, and of a chunk in it, for its digest. */
  readonly digested: { readonly head: string; readonly text: (chunk: Chunk) => string | Buffer }
}
