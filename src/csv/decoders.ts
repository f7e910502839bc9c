import iconv from 'iconv-lite'
import type { Charset } from './charset.ts'
import { escaping } from './decode.ts'
import { escapeOf, isWhole, type Text } from './escapes.ts'

/** Decodes an upload piece by piece, wherever it is cut. */
export interface Decoder {
  /** The text of the characters that end in `piece`. */
  write(piece: Buffer): Text
  /** The text of what is left at the end of the upload. */
  end(): Text
}

// what iconv-lite gives for a byte that makes no character
const REPLACEMENT = '\uFFFD'

/** The decoder of a charset that is not UTF-8. */
export function createDecoder({ kind, name }: Charset): Decoder {
  if (kind === 'utf-16') return new Utf16Decoder(name === 'utf-16le')
  const table = tableOf(name)
  return kind === 'single-byte' ? new SingleByteDecoder(table) : new MultiByteDecoder(table)
}

/** The bytes of text in a charset; `?` where it has no such character. */
export function encode(text: string, { kind, name }: Charset): Buffer {
  return kind === 'utf-8' ? Buffer.from(text) : iconv.encode(text, tableOf(name))
}

// Latin-1 as browsers read it (Encoding Standard §4.2): whoever says it most often means what Windows writes
const tableOf = (name: string): string => (name === 'iso-8859-1' ? 'windows-1252' : name)

const nothing: Text = Object.freeze({ text: '', damaged: false })

/** One byte is one character, and one UTF-16 code unit. */
class SingleByteDecoder implements Decoder {
  readonly #table: string

  constructor(table: string) {
    this.#table = table
  }

  write(piece: Buffer): Text {
    const text = iconv.decode(piece, this.#table)
    if (!text.includes(REPLACEMENT)) return { text, damaged: false }
    const lengthAt = (index: number): number => (text[index] === REPLACEMENT ? 0 : 1)
    return escaping(piece, lengthAt, (start, end) => text.slice(start, end))
  }

  end(): Text {
    return nothing
  }
}

/** The most bytes that a character takes: four in gb18030. */
const LONGEST = 4
/** Below it no byte is the second or later one of a character, in any of these charsets. */
const NEVER_TRAILS = 0x30

/**
 * Characters of one to four bytes. The state of iconv-lite's own decoder is not used: it loses characters
 * where a sequence that lies across two pieces comes to nothing.
 */
class MultiByteDecoder implements Decoder {
  readonly #table: string
  /** How U+FFFD itself is sent, in charsets that have it. */
  readonly #replacement: Buffer | undefined
  /** By their first two bytes, how long characters of up to two bytes are; 0 for others. */
  readonly #lengths = new Map<number, number>()
  #held = Buffer.alloc(0)

  constructor(table: string) {
    this.#table = table
    const replacement = iconv.encode(REPLACEMENT, table)
    this.#replacement = iconv.decode(replacement, table) === REPLACEMENT ? replacement : undefined
  }

  write(piece: Buffer): Text {
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
    const end = this.#wholeCharacters(bytes)
    this.#held = Buffer.from(bytes.subarray(end))
    return this.#decode(bytes.subarray(0, end))
  }

  end(): Text {
    const rest = this.#held
    this.#held = Buffer.alloc(0)
    return this.#decode(rest)
  }

  #decode(bytes: Buffer): Text {
    const text = iconv.decode(bytes, this.#table)
    if (!text.includes(REPLACEMENT) && isWhole(text)) return { text, damaged: false }
    const lengthAt = (index: number): number => this.#lengthAt(bytes, index)
    const found = escaping(bytes, lengthAt, (start, end) =>
      iconv.decode(bytes.subarray(start, end), this.#table),
    )
    return isWhole(found.text) ? { text: found.text, damaged: false } : found
  }

  /** How many of the bytes can be decoded without those that follow. */
  #wholeCharacters(bytes: Buffer): number {
    let at = bytes.length
    while (at > 0 && (bytes[at - 1] ?? 0) >= NEVER_TRAILS) at -= 1
    while (at < bytes.length) {
      const length = this.#lengthAt(bytes, at)
      if (length === 0 && bytes.length - at < LONGEST) return at
      at += Math.max(length, 1)
    }
    return at
  }

  /** How many bytes the character at `index` takes; 0 where there is none. */
  #lengthAt(bytes: Buffer, index: number): number {
    const first = bytes[index] ?? 0
    if (first < 0x80) return 1
    if (index + 1 >= bytes.length) return this.#isCharacter(bytes.subarray(index)) ? 1 : 0
    const key = first * 256 + (bytes[index + 1] ?? 0)
    const short = this.#lengths.get(key) ?? this.#remember(key, bytes.subarray(index, index + 2))
    if (short !== 0) return short
    for (let length = 3; length <= LONGEST && index + length <= bytes.length; length += 1) {
      if (this.#isCharacter(bytes.subarray(index, index + length))) return length
    }
    return 0
  }

  #remember(key: number, pair: Buffer): number {
    const length = this.#isCharacter(pair.subarray(0, 1)) ? 1 : this.#isCharacter(pair) ? 2 : 0
    this.#lengths.set(key, length)
    return length
  }

  #isCharacter(bytes: Buffer): boolean {
    const text = iconv.decode(bytes, this.#table)
    if (text.includes(REPLACEMENT)) return this.#replacement?.equals(bytes) === true
    return isWhole(text)
  }
}

/** Characters of one or two code units, of two bytes each. */
class Utf16Decoder implements Decoder {
  readonly #littleEndian: boolean
  #held = Buffer.alloc(0)

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian
  }

  write(piece: Buffer): Text {
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
    let end = bytes.length - (bytes.length % 2)
    if (end > 0 && this.#isLead(bytes, end - 2)) end -= 2
    this.#held = Buffer.from(bytes.subarray(end))
    return this.#decode(bytes.subarray(0, end))
  }

  end(): Text {
    const rest = this.#held
    this.#held = Buffer.alloc(0)
    const units = rest.length - (rest.length % 2)
    const { text, damaged } = this.#decode(rest.subarray(0, units))
    const last = rest[units]
    return last === undefined ? { text, damaged } : { text: text + escapeOf(last), damaged: true }
  }

  #isLead(bytes: Buffer, index: number): boolean {
    return ((bytes[this.#littleEndian ? index + 1 : index] ?? 0) & 0xfc) === 0xd8
  }

  #decode(bytes: Buffer): Text {
    // a copy, since the bytes are the caller's
    const littleEndian = this.#littleEndian ? bytes : Buffer.from(bytes).swap16()
    const text = littleEndian.toString('utf16le')
    if (isWhole(text)) return { text, damaged: false }
    return { text: text.replace(/\p{Cs}/gu, (half) => this.#escapes(half.charCodeAt(0))), damaged: true }
  }

  #escapes(unit: number): string {
    const [high, low] = [escapeOf(unit >> 8), escapeOf(unit & 0xff)]
    return this.#littleEndian ? low + high : high + low
  }
}
