import { createGunzip, type Gunzip } from 'node:zlib'
import { ServiceError } from '../errors.ts'

const PIECE = 64 * 1024

/**
 * Unpacks gzip (RFC 1952): all members one after the other, and zeros behind the last of them. Nothing is read or
 * unpacked ahead of who asks for it, so that a few bytes that stand for very many cost no memory.
 *
 * @param packed - is ended when this is
 * @param maxBytes - the most that may come out
 * @throws ServiceError `encoding.broken` for what is no gzip or not all of it, `upload.too_large`
 */
export async function* inflated(packed: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  const inflation = new Inflation()
  let bytes = 0
  const counted = (piece: Buffer): Buffer => {
    bytes += piece.length
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    return piece
  }
  try {
    for await (const chunk of packed) for await (const piece of inflation.add(chunk)) yield counted(piece)
    for await (const piece of inflation.end()) yield counted(piece)
  } finally {
    inflation.close()
  }
}

function tooLarge(maxBytes: number): ServiceError {
  const detail = `The file has more than ${maxBytes} bytes when it is unpacked; up to ${maxBytes} are taken: send it in parts.`
  return new ServiceError('upload.too_large', detail)
}

/** Node's unpacking, one chunk at a time. */
class Inflation {
  readonly #gunzip: Gunzip = createGunzip({ chunkSize: PIECE })
  #added = 0
  #failure: Error | undefined
  #wake: () => void = () => undefined

  constructor() {
    this.#gunzip.on('readable', () => {
      this.#wake()
    })
    this.#gunzip.on('end', () => {
      this.#wake()
    })
    this.#gunzip.on('error', (error) => {
      this.#failure = error
      this.#wake()
    })
  }

  /** What a chunk stands for. */
  async *add(chunk: Buffer): AsyncGenerator<Buffer> {
    this.#added += chunk.length
    let unread = chunk
    if (!this.#gunzip.readableEnded) {
      let isTaken = false
      this.#gunzip.write(chunk, () => {
        isTaken = true
        this.#wake()
      })
      yield* this.#pieces(() => isTaken)
      unread = chunk.subarray(chunk.length - (this.#added - this.#gunzip.bytesWritten))
    }
    // Node stops at the first zero after a member, and would let everything behind it go unsaid.
    if (unread.some((byte) => byte !== 0)) throw broken('after its end comes something that is no gzip')
  }

  /** What is left when no chunk follows. Nothing at all is no gzip, but is taken for an empty file. */
  async *end(): AsyncGenerator<Buffer> {
    if (this.#added === 0) return
    if (!this.#gunzip.readableEnded) this.#gunzip.end()
    yield* this.#pieces(() => false)
  }

  async *#pieces(isDone: () => boolean): AsyncGenerator<Buffer> {
    for (;;) {
      const piece = this.#gunzip.read() as Buffer | null
      if (piece !== null) yield piece
      else if (this.#failure !== undefined) throw meaningOf(this.#failure)
      else if (isDone() || this.#gunzip.readableEnded) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  close(): void {
    this.#gunzip.destroy()
  }
}

function meaningOf(error: NodeJS.ErrnoException): ServiceError {
  const isCut = error.code === 'Z_BUF_ERROR'
  return broken(isCut ? 'it ends in the middle' : 'it can not be unpacked', error)
}

function broken(what: string, cause?: Error): ServiceError {
  const detail = `The upload says that it is gzip, but ${what}: pack the file again, or send it without Content-Encoding.`
  return new ServiceError('encoding.broken', detail, { cause })
}
