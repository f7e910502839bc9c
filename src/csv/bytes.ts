import { ServiceError } from '../errors.ts'

const LF = 10
const CR = 13

/** More than this without a line end travels on in pieces, so that no upload can make a block of its own size. */
const LONGEST_HELD = 256 * 1024
const PIECE = 128 * 1024

const asBuffer = (chunk: Uint8Array): Buffer => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)

/**
 * Passes bytes on until there are more than `maxBytes` of them.
 *
 * @throws ServiceError `upload.too_large` in place of the chunk that exceeds the limit
 */
export async function* limitBytes(
  bytes: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  let seen = 0
  for await (const chunk of bytes) {
    seen += chunk.byteLength
    if (seen > maxBytes) {
      const detail = `The upload is larger than ${maxBytes} bytes, the most that is accepted: send it in parts.`
      throw new ServiceError('upload.too_large', detail)
    }
    yield asBuffer(chunk)
  }
}

/**
 * Cuts bytes into blocks that end with a line end, as soon as one is there: the boundary never lies within a
 * character or between CR and LF. Only the last block, and pieces of a line that is very long, may end otherwise.
 */
export async function* toBlocks(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const tail = new Tail()
  for await (const chunk of bytes) {
    for (let start = 0; start < chunk.length; start += PIECE) {
      const block = tail.add(chunk.subarray(start, start + PIECE))
      if (block !== undefined) yield block
    }
  }
  const rest = tail.take()
  if (rest.length > 0) yield rest
}

/** The bytes after the last line end, in a buffer that doubles: bytes that come one by one are copied once or twice. */
class Tail {
  #held = Buffer.allocUnsafe(1024)
  #length = 0

  add(piece: Buffer): Buffer | undefined {
    const end = this.#lineEnd(piece)
    if (end === undefined) {
      this.#append(piece)
      return this.#length < LONGEST_HELD ? undefined : this.take(wholeCharacters(this.#bytes()))
    }
    const block =
      this.#length === 0 ? piece.subarray(0, end) : Buffer.concat([this.#bytes(), piece.subarray(0, end)])
    this.#length = 0
    this.#append(piece.subarray(end))
    return block
  }

  /** The first `length` bytes, all by default; what follows them stays. */
  take(length = this.#length): Buffer {
    const taken = Buffer.from(this.#held.subarray(0, length))
    this.#held.copyWithin(0, length, this.#length)
    this.#length -= length
    return taken
  }

  #bytes(): Buffer {
    return this.#held.subarray(0, this.#length)
  }

  /** Where the last line of `piece` ends. A CR counts only once it is seen that no LF follows. */
  #lineEnd(piece: Buffer): number | undefined {
    const lineFeed = piece.lastIndexOf(LF)
    const carriageReturn = piece.length < 2 ? -1 : piece.lastIndexOf(CR, piece.length - 2)
    const last = Math.max(lineFeed, carriageReturn)
    if (last >= 0) return last + 1
    return this.#length > 0 && this.#held[this.#length - 1] === CR ? 0 : undefined
  }

  #append(piece: Buffer): void {
    const length = this.#length + piece.length
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#held.length))
      this.#held.copy(larger, 0, 0, this.#length)
      this.#held = larger
    }
    piece.copy(this.#held, this.#length)
    this.#length = length
  }
}

/** How many of the bytes can go without taking a character, or CR LF, apart. */
function wholeCharacters(bytes: Buffer): number {
  if (bytes[bytes.length - 1] === CR) return bytes.length - 1
  for (let back = 1; back <= 3; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) break
    if (byte >= 0xc0)
      return byte >= (back === 1 ? 0xc0 : back === 2 ? 0xe0 : 0xf0) ? bytes.length - back : bytes.length
  }
  return bytes.length
}
