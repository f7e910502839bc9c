import { createHash } from 'node:crypto'
import { Spool } from '../import/spool.ts'
import type { UploadDigest } from '../receipts/receipt.ts'

/**
 * The bytes of an upload on their way in: counted, hashed, and kept where they have to be read again. Whoever made it
 * calls {@link close}.
 */
export class Incoming {
  readonly #source: AsyncGenerator<Buffer>
  readonly #kept: Spool | undefined
  readonly #hash = createHash('sha256')
  #bytes = 0
  #digest: UploadDigest | undefined

  private constructor(source: AsyncGenerator<Buffer>, kept: Spool | undefined) {
    this.#source = source
    this.#kept = kept
  }

  /** @param keeps - whether the upload is received whole before it is read */
  static async open(source: AsyncGenerator<Buffer>, keeps: boolean): Promise<Incoming> {
    return new Incoming(source, keeps ? await Spool.open() : undefined)
  }

  /**
   * The bytes as they come. Whoever stops half-way can read on where he stopped.
   *
   * @throws whatever the source throws
   */
  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      const next = await this.#source.next()
      if (next.done === true) return
      this.#hash.update(next.value)
      this.#bytes += next.value.length
      await this.#kept?.write(next.value)
      yield next.value
    }
  }

  /** Reads what is left. Resolves when the upload has come as a whole. */
  async received(): Promise<UploadDigest> {
    if (this.#digest === undefined) {
      const rest = this.read()
      while ((await rest.next()).done !== true);
      this.#digest = { bytes: this.#bytes, sha256: this.#hash.digest('base64') }
    }
    return this.#digest
  }

  /** The bytes that were kept, from the first on. */
  async *again(): AsyncGenerator<Buffer> {
    if (this.#kept === undefined) throw new RangeError('this upload was not kept')
    yield* this.#kept.read()
  }

  /** Lets go of the source and of what was kept. */
  async close(): Promise<void> {
    await this.#source.return(undefined)
    await this.#kept?.close()
  }
}
