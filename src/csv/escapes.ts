import { holdsHalfCharacter } from '../users/text.ts'

/** A piece of the upload as text. */
export interface Text {
  readonly text: string
  /** Whether some bytes could not be decoded; each of them is a lone surrogate in the text. */
  readonly damaged: boolean
}

// Python's surrogateescape (PEP 383): byte 0xNN becomes U+DCNN, a lone surrogate, which nothing decodes to.
// Unlike there, also below 0x80: half a character of UTF-16 may hold any byte.
const ESCAPE = 0xdc00
const escapes = /[\uDC00-\uDCFF]/gu

/** What stands in the text for a byte that could not be decoded. */
export function escapeOf(byte: number): string {
  return String.fromCharCode(ESCAPE + byte)
}

const byteOf = (escape: string): number => escape.charCodeAt(0) - ESCAPE

/** Whether bytes of this text could not be decoded. */
export function isDamaged(text: string): boolean {
  return text.search(escapes) !== -1
}

/** The text with `\xE9` in place of each byte that could not be decoded. */
export function withEscapes(text: string): string {
  return text.replace(escapes, (escape) => `\\x${byteOf(escape).toString(16).toUpperCase().padStart(2, '0')}`)
}

/** The bytes of a damaged text, as `encode` says of the parts that are not; each is one character. */
export function sentBytes(text: string, encode: (part: string) => Buffer): string {
  const parts = text.split(/([\uDC00-\uDCFF])/u)
  return parts
    .map((part, index) =>
      index % 2 === 1 ? String.fromCharCode(byteOf(part)) : encode(part).toString('latin1'),
    )
    .join('')
}

/** Whether text holds no half of a character, so that nothing in it may be taken for an escape. */
export function isWhole(text: string): boolean {
  return !holdsHalfCharacter(text)
}
