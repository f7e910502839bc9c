import iconv from 'iconv-lite'
import type { Charset } from './charset.ts'
import { escaping } from './decode.ts'
import { REPLACEMENT, type Decoder } from './decoder.ts'
import { escapeOf, isWhole, type Text } from './escapes.ts'
import { MultiByteDecoder } from './multi-byte-decoder.ts'

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
