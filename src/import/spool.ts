import { randomUUID } from 'node:crypto'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const READ_BYTES = 256 * 2 ** 10

/**
 * Bytes that are written once and read as often as needed, in a temporary file that has no name: it is gone with
 * the process, however that ends. Whoever opened it calls {@link close}.
 */
export class Spool {
  readonly #file: FileHandle
  #length = 0

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async open(): Promise<Spool> {
    const path = join(tmpdir(), `rollcall-${randomUUID()}`)
    const file = await open(path, 'wx+', 0o600)
    await unlink(path)
    return new Spool(file)
  }

  async write(bytes: Uint8Array): Promise<void> {
    let written = 0
    while (written < bytes.length) {
      const at = this.#length + written
      written += (await this.#file.write(bytes, written, bytes.length - written, at)).bytesWritten
    }
    this.#length += bytes.length
  }

  /** What was written until now, from the beginning. */
  async *read(): AsyncGenerator<Buffer> {
    for (let at = 0; at < this.#length;) {
      const bytes = await this.#readAt(at, Math.min(READ_BYTES, this.#length - at))
      at += bytes.length
      yield bytes
    }
  }

  /** What stands at a place. */
  async readAt(at: number, length: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let read = 0; read < length;) {
      const bytes = await this.#readAt(at + read, length - read)
      parts.push(bytes)
      read += bytes.length
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
  }

  async #readAt(at: number, length: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(length), 0, length, at)
    if (bytesRead === 0) throw new RangeError('the temporary file ends before what was written to it')
    return buffer.subarray(0, bytesRead)
  }

  /** Forgets what was written. */
  async clear(): Promise<void> {
    this.#length = 0
    await this.#file.truncate(0)
  }

  get length(): number {
    return this.#length
  }

  /** Gives the room back. */
  async close(): Promise<void> {
    await this.#file.close()
  }
}

/** Pieces of bytes that are read back piece by piece, in the order in which they were written, in a {@link Spool}. */
export class PieceSpool {
  readonly #spool: Spool
  #lengths: number[] = []

  constructor(spool: Spool) {
    this.#spool = spool
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#spool.write(bytes)
    this.#lengths.push(bytes.length)
  }

  async *read(): AsyncGenerator<Buffer> {
    let at = 0
    for (const length of this.#lengths) {
      yield await this.#spool.readAt(at, length)
      at += length
    }
  }

  /** How many bytes the pieces have in all. */
  get length(): number {
    return this.#spool.length
  }

  async clear(): Promise<void> {
    this.#lengths = []
    await this.#spool.clear()
  }

  /** Gives the room of the spool back. */
  async close(): Promise<void> {
    await this.#spool.close()
  }
}

/** Values of any kind that JSON can hold, in the order in which they were written, in a {@link Spool}. */
export class ValueSpool<T> {
  readonly #pieces: PieceSpool

  constructor(spool: Spool) {
    this.#pieces = new PieceSpool(spool)
  }

  async write(value: T): Promise<void> {
    await this.#pieces.write(Buffer.from(JSON.stringify(value)))
  }

  async *read(): AsyncGenerator<T> {
    for await (const piece of this.#pieces.read()) yield JSON.parse(piece.toString()) as T
  }

  async clear(): Promise<void> {
    await this.#pieces.clear()
  }
}
