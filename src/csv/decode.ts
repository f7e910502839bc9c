import { isUtf8 } from 'node:buffer'

/** A piece of the upload as text. */
export interface Text {
  readonly text: string
  /** Whether some bytes were not UTF-8; each of them is a lone surrogate in the text. */
  readonly damaged: boolean
}

// Python's surrogateescape (PEP 383): byte 0xNN becomes U+DCNN, which no valid UTF-8 decodes to.
const ESCAPE = 0xdc00
const escapes = /[\uDC80-\uDCFF]/gu

/** Decodes UTF-8 strictly, so that what is no UTF-8 can be found again in the cells. */
export function decode(block: Buffer): Text {
  if (isUtf8(block)) return { text: block.toString(), damaged: false }
  let text = ''
  let start = 0
  for (let index = 0; index < block.length;) {
    const length = sequenceLength(block, index)
    if (length === 0) {
      text += block.toString('utf8', start, index) + String.fromCharCode(ESCAPE + (block[index] ?? 0))
      start = index + 1
    }
    index += Math.max(length, 1)
  }
  return { text: text + block.toString('utf8', start), damaged: true }
}

/** The bytes of the well-formed sequence at `index` (Unicode, table 3-7); 0 where there is none. */
function sequenceLength(bytes: Buffer, index: number): number {
  const lead = bytes[index] ?? 0
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  const second = bytes[index + 1] ?? 0
  if (second < low || second > high) return 0
  for (let at = index + 2; at < index + length; at += 1) {
    if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return 0
  }
  return length
}

/** Whether bytes of this text could not be decoded. */
export function isDamaged(text: string): boolean {
  return text.search(escapes) !== -1
}

/** The text with `\xE9` in place of each byte that could not be decoded. */
export function withEscapes(text: string): string {
  return text.replace(escapes, (escape) => `\\x${byteOf(escape).toString(16).toUpperCase()}`)
}

const byteOf = (escape: string): number => escape.charCodeAt(0) - ESCAPE

/** The bytes of a damaged text as they were sent, each as one character. */
function sentBytes(text: string): string {
  const parts = text.split(/([\uDC80-\uDCFF])/u)
  return parts
    .map((part, index) =>
      index % 2 === 1 ? String.fromCharCode(byteOf(part)) : Buffer.from(part).toString('latin1'),
    )
    .join('')
}

// At least two characters of two bytes side by side, and no byte above ASCII outside of such pairs:
// in a language that is written with the Latin alphabet accented letters seldom stand in such company.
const shiftJis = /^(?:[\0-\x7F]|[\x81-\x9F\xE0-\xEF][\x40-\x7E\x80-\xFC])*$/
const doubleBytes = /^(?:[\0-\x7F]|[\xA1-\xFE][\xA1-\xFE])*$/
const neighbours = /[\x80-\xFE][\x40-\xFE][\x80-\xFE][\x40-\xFE]/
const kana = /[\xA4\xA5][\xA1-\xF6]/
const hangul = /^(?:[\0-\x7F]|[\xB0-\xC8][\xA1-\xFE])*$/

/** A guess at the charset of a text that is no UTF-8, for people: whoever wrote the file may know better. */
export function likelyCharset(text: string): string {
  const bytes = sentBytes(text)
  if (!neighbours.test(bytes)) return 'windows-1252'
  if (doubleBytes.test(bytes)) return kana.test(bytes) ? 'euc-jp' : hangul.test(bytes) ? 'euc-kr' : 'gb18030'
  return shiftJis.test(bytes) ? 'shift_jis' : 'windows-1252'
}
