import { createHash } from 'node:crypto'
import type { UploadDigest } from '../receipts/receipt.ts'

/** Keeps bytes as they come. */
export interface Keeper {
  write(bytes: Buffer): Promise<void>
  /** All that was written, from the first on. Left out where nobody in this process reads it again. */
  read?(): AsyncGenerator<Buffer>
  close(): Promise<void>
}

/**
 * The bytes of an upload on their way in: counted, hashed, and kept where they have to be read again. Whoever made it
 * calls {@link close}.
 */
export class Incoming {
  readonly #source: AsyncGenerator<Buffer>
  readonly #kept: Keeper | undefined
  readonly #hash = createHash('sha256')
  #bytes = 0
  #digest: UploadDigest | undefined
  #signal: AbortSignal | undefined

  /** @param kept - keeps the bytes as they come, if they have to be; it is closed with this */
  constructor(source: AsyncGenerator<Buffer>, kept?: Keeper) {
    this.#source = source
    this.#kept = kept
  }

  /** From now on waiting for bytes ends when the signal is given, with its reason. */
  stopOn(signal: AbortSignal): void {
    this.#signal = signal
  }

  /**
   * The bytes as they come. Whoever stops half-way can read on where he stopped.
   *
   * @throws whatever the source throws
   */
  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      const next = await orAborted(this.#source.next(), this.#signal)
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
    if (this.#kept?.read === undefined) throw new RangeError('this upload can not be read again')
    yield* this.#kept.read()
  }

  /** Lets go of the source and of what was kept. Bytes that are still waited for hold up nobody. */
  async close(): Promise<void> {
    void this.#source.return(undefined).catch(() => undefined)
    await this.#kept?.close()
  }
}

async function orAborted<T>(waited: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return waited
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason as Error)
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
    waited.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', stop)
    })
  })
}
