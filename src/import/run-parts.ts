import type { Chunk, StoredChunk } from '../receipts/chunk.ts'
import type { ImportMode, ReceiptWriter, UploadDigest } from '../receipts/receipt.ts'
import type { Outcome } from './answer.ts'
import type { ResultText } from './answer-digest.ts'
import type { ImportParts } from './import-rows.ts'
import type { AnsweredRows } from './recall.ts'
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

/** What an earlier run of an import has stored, for the one that goes on after it. */
export interface EarlierRun {
  /** All its chunks, from the first on; once. The receipt's store appends to them. */
  readonly chunks: AsyncIterable<StoredChunk>
  /** The ids of the users whom the rows of a chunk mean, row by row; `null` where a row means nobody. */
  readonly meant: (chunk: StoredChunk) => AnsweredRows['meant']
}

/** What an import is run with. */
export interface RunParts extends Omit<ImportParts<never>, 'store' | 'record' | 'answered'> {
  readonly mode: ImportMode
  /**
   * Given where an earlier run was cut off after some chunks: this one reads the same upload again from its first row
   * and comes to what a run that was never cut off would have come to. Only an import of each row on its own goes on;
   * the others begin again.
   */
  readonly earlier?: EarlierRun | undefined
  readonly upload: Upload
  readonly receipt: ReceiptWriter
  /** Makes the recorder of chunks; the text of an answer depends on what good rows come to. */
  readonly recorder: (outcome: Outcome) => (rows: readonly AnnotatedRow[]) => Promise<Chunk>
  /** The text of the result, for its digest. */
  readonly digested: ResultText
}

/** Hears how an import goes on. */
export interface Progress {
  /** A chunk that is stored; those of an earlier run are not told again. */
  stored(chunk: Chunk): void
  /** All of it is stored and its receipt is finished. */
  finished(): void
  /** It could not be completed. What was stored before stays. */
  failed(error: unknown): void
}
