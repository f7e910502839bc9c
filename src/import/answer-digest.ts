import { createHash } from 'node:crypto'
import type { Chunk, StoredChunk } from '../receipts/chunk.ts'

/** The text of a result: its first line, and that of a chunk in it. */
export interface ResultText {
  readonly head: string
  readonly text: (chunk: StoredChunk) => string | Buffer
}

/** The digest of a result, chunk by chunk. */
export class AnswerDigest {
  readonly #text: ResultText['text']
  readonly #hash = createHash('sha256')

  constructor({ head, text }: ResultText) {
    this.#hash.update(head)
    this.#text = text
  }

  add(chunk: Chunk): void {
    this.#hash.update(this.#text(chunk))
  }

  /** SHA-256 in base64, once all chunks were added. */
  value(): string {
    return this.#hash.digest('base64')
  }
}
