import { characterStart, firstUndecodable, StringScanner, type Fail } from './string-scanner.ts'
import type { TextWindow } from './text-window.ts'

/** What of a string is kept, in bytes of the body, as of a cell of CSV. */
export const STRING_LIMIT = 64 * 1024

/** Reads strings out of a window. Of one over the limit it keeps the beginning, and passes over what follows. */
export class StringReader {
  readonly #window: TextWindow
  readonly #fail: Fail
  readonly #scanner: StringScanner
  /** What was read last. */
  value = ''
  /** Whether that is only the beginning of what stands there, and {@link skipRest} must follow. */
  isCut = false

  constructor(window: TextWindow, fail: Fail) {
    this.#window = window
    this.#fail = fail
    this.#scanner = new StringScanner(fail)
  }

  /** Reads the string at whose quote the window stands. Returns whether enough of it is there. */
  read(): boolean {
    const { text, bytes, at } = this.#window
    const start = at + 1
    const to = Math.min(text.length, start + STRING_LIMIT + 1)
    const end = this.#scanner.find(text, start, to)
    if (end < 0 && to - start <= STRING_LIMIT) return this.#goesOn()
    this.isCut = end < 0
    const stop = this.isCut ? characterStart(bytes, start, this.#scanner.stoppedAt) : end
    this.value = this.#decoded(start, stop)
    this.#window.at = this.isCut ? stop : end + 1
    return true
  }

  /** Passes over what is left of a string that was cut. Returns whether its end is there. */
  skipRest(): boolean {
    const { text, bytes, at } = this.#window
    const end = this.#scanner.find(text, at, text.length)
    const stop = end < 0 ? characterStart(bytes, at, this.#scanner.stoppedAt) : end
    if (this.#scanner.hasHigh) this.#checkUtf8(at, stop)
    this.#window.at = end < 0 ? stop : end + 1
    if (end < 0) return this.#goesOn()
    this.isCut = false
    return true
  }

  #goesOn(): false {
    const { isLast, text } = this.#window
    if (isLast) this.#fail(text.length, 'the body ends in the middle of a string')
    return false
  }

  #decoded(start: number, end: number): string {
    const { hasHigh, hasEscape } = this.#scanner
    if (hasHigh) this.#checkUtf8(start, end)
    const { text, bytes } = this.#window
    const raw = hasHigh ? bytes.toString('utf8', start, end) : text.slice(start, end)
    return hasEscape ? (JSON.parse(`"${raw}"`) as string) : raw
  }

  #checkUtf8(start: number, end: number): void {
    const { bytes } = this.#window
    const at = firstUndecodable(bytes, start, end)
    if (at < 0) return
    const byte = (bytes[at] ?? 0).toString(16).toUpperCase()
    this.#fail(at, `the byte 0x${byte} is no UTF-8: send the body as UTF-8`)
  }
}
