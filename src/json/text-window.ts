const [LINE_FEED, CARRIAGE_RETURN, TAB, SPACE] = [0x0a, 0x0d, 0x09, 0x20]
/** Bytes of the byte-order mark of UTF-8. */
const MARK_BYTES = 3

/** The part of a JSON text in which its reader is: what he has left of the blocks before, and the present block. */
export class TextWindow {
  bytes: Buffer = Buffer.alloc(0)
  /** The same, with a character for each byte. */
  text = ''
  /** Where the reader is: what is before it is not needed any more. */
  at = 0
  /** Whether no block follows. */
  isLast = false
  /** Bytes before the window. */
  #before = 0
  #line = 1
  #hasBegun = false

  add(block: Buffer): void {
    this.#before += this.at
    const rest = this.bytes.subarray(this.at)
    this.bytes = rest.length === 0 ? block : Buffer.concat([rest, block])
    this.text = this.bytes.toString('latin1')
    this.at = 0
  }

  /**
   * Passes over a byte-order mark.
   *
   * @param refuse - hears that it is a text in another form of Unicode
   * @returns whether there is enough of the text to read it
   */
  begin(refuse: () => void): boolean {
    if (this.#hasBegun) return true
    if (this.text.length < MARK_BYTES && !this.isLast) return false
    this.#hasBegun = true
    if (/^(?:\xff\xfe|\xfe\xff|\0[^\0]|[^\0]\0)/.test(this.text)) refuse()
    if (this.text.startsWith('\xef\xbb\xbf')) this.at = MARK_BYTES
    return true
  }

  /** Line breaks stand in white space only, so they are counted here. */
  skipSpace(): void {
    const text = this.text
    let at = this.at
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at)
      if (code === LINE_FEED) this.#line += 1
      else if (code !== SPACE && code !== CARRIAGE_RETURN && code !== TAB) break
    }
    this.at = at
  }

  /** A place in the window as people count: byte and line of the whole text, from 1 on. */
  placeOf(at: number): string {
    return `byte ${this.#before + at + 1}, line ${this.#line}`
  }
}
