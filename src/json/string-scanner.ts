import { isUtf8 } from 'node:buffer'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const U = 0x75

const escapes = new Set(Array.from('"\\/bfnrt', (character) => character.charCodeAt(0)))

/** Says that what stands at a place of the window is no JSON, and ends the reading. */
export type Fail = (at: number, what: string) => never

/** Finds where a string ends, and checks on the way what stands in it. */
export class StringScanner {
  readonly #fail: Fail
  /** Whether there was a backslash. */
  hasEscape = false
  /** Whether there was a byte above ASCII. */
  hasHigh = false
  /** Where the search stopped without an end: never within an escape. */
  stoppedAt = 0

  constructor(fail: Fail) {
    this.#fail = fail
  }

  /**
   * Looks for the closing quote.
   *
   * @param text - the window, a character for each byte
   * @param from - the first character of the string, or of what is left of it
   * @param to - where to stop
   * @returns the place of the quote, or -1
   */
  find(text: string, from: number, to: number): number {
    this.hasEscape = false
    this.hasHigh = false
    let at = from
    while (at < to) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) return at
      if (code === BACKSLASH) {
        this.hasEscape = true
        const end = this.#escapeEnd(text, at, to)
        if (end > to) break
        at = end
      } else {
        if (code < 0x20) this.#control(at, code)
        if (code >= 0x80) this.hasHigh = true
        at += 1
      }
    }
    this.stoppedAt = at
    return -1
  }

  /** Where an escape ends; beyond `to` if it goes on there. */
  #escapeEnd(text: string, at: number, to: number): number {
    if (at + 1 >= to) return to + 1
    const kind = text.charCodeAt(at + 1)
    if (kind !== U) {
      if (!escapes.has(kind))
        this.#fail(at, 'a backslash in a string must begin an escape of JSON, such as \\n or \\\\')
      return at + 2
    }
    const end = Math.min(at + 6, to)
    for (let digit = at + 2; digit < end; digit += 1) {
      if (!isHex(text.charCodeAt(digit))) this.#fail(at, '\\u must be followed by four hexadecimal digits')
    }
    return at + 6
  }

  #control(at: number, code: number): never {
    const hex = code.toString(16).toUpperCase().padStart(4, '0')
    return this.#fail(
      at,
      `a control character must not stand raw in a string: write it as \\u${hex}, or leave it out`,
    )
  }
}

function isHex(code: number): boolean {
  const lower = code | 0x20
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x66)
}

/** The last place up to `end` that does not lie within a character of UTF-8. */
export function characterStart(bytes: Buffer, start: number, end: number): number {
  for (let back = 1; back <= 3 && end - back >= start; back += 1) {
    const byte = bytes[end - back] ?? 0
    if (byte < 0x80) break
    if (byte >= 0xc0) return lengthOf(byte) > back ? end - back : end
  }
  return end
}

/** The place of the first byte that is no UTF-8, or -1. */
export function firstUndecodable(bytes: Buffer, start: number, end: number): number {
  if (isUtf8(bytes.subarray(start, end))) return -1
  for (let at = start; at < end;) {
    const next = Math.min(at + lengthOf(bytes[at] ?? 0), end)
    if (!isUtf8(bytes.subarray(at, next))) return at
    at = next
  }
  return -1
}

/** How many bytes the character has that begins with this one. */
function lengthOf(lead: number): number {
  return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
}
