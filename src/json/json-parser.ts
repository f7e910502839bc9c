import { ServiceError } from '../errors.ts'
import { shown } from '../users/text.ts'
import { JsonPath } from './json-path.ts'
import { characterShown, expectations, hintFor, LONGEST_HINTED, type Expected } from './malformed.ts'
import { characterStart, firstUndecodable, StringScanner } from './string-scanner.ts'

/** What of a string is kept, in bytes of the body, as of a cell of CSV. */
export const STRING_LIMIT = 64 * 1024
/** How deep objects and arrays may be nested. */
export const DEPTH_LIMIT = 16
const NUMBER_LIMIT = 1_000
/** Bytes of the byte-order mark of UTF-8. */
const LONGEST_MARK = 3

/** A value that holds no others. */
export type Scalar = string | number | boolean | null

/** Hears what a JSON text is made of, in its order. */
export interface JsonHandler {
  openObject(): void
  key(name: string): void
  openArray(): void
  /** The object or array that was opened last has ended. */
  close(): void
  /** @param isCut - whether the value is only the beginning of a string that is over the limit */
  scalar(value: Scalar, isCut: boolean): void
}

const [QUOTE, COMMA, COLON, MINUS] = [0x22, 0x2c, 0x3a, 0x2d]
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d]
const [LINE_FEED, CARRIAGE_RETURN, TAB, SPACE] = [0x0a, 0x0d, 0x09, 0x20]
const [ZERO, NINE, T, F, N] = [0x30, 0x39, 0x74, 0x66, 0x6e]

const number = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/
const afterNumber = /[^-+.0-9A-Za-z]/g

/**
 * Reads one JSON text (RFC 8259) block by block and keeps nothing of it but what a token began that goes on in the next
 * block. It is as strict as the standard: UTF-8 without a mistake, one value, no comments. A byte-order mark is skipped.
 * That a key stands twice in an object is for the handler to see. Lone surrogates and NUL, which only escapes can say,
 * are told as they are.
 *
 * Every method throws ServiceError `json.malformed` at the first place that is no JSON, or is nested deeper than
 * {@link DEPTH_LIMIT}, and says where that is.
 */
export class JsonParser {
  readonly #handler: JsonHandler
  readonly #path = new JsonPath()
  readonly #scanner = new StringScanner((at, what) => this.#fail(at, what))
  #expected: Expected = 'value'
  /** The window: what is left of the blocks before, and this block. Its text has a character for each byte. */
  #bytes: Buffer = Buffer.alloc(0)
  #text = ''
  #at = 0
  /** Bytes before the window. */
  #before = 0
  #line = 1
  #isLast = false
  #hasBegun = false
  /** Whether the reader is in a string that is over the limit. */
  #isSkipping = false

  constructor(handler: JsonHandler) {
    this.#handler = handler
  }

  /** Takes a block in. Blocks much smaller than {@link STRING_LIMIT} make long strings slow. */
  write(block: Buffer): void {
    this.#before += this.#at
    const rest = this.#bytes.subarray(this.#at)
    this.#bytes = rest.length === 0 ? block : Buffer.concat([rest, block])
    this.#text = this.#bytes.toString('latin1')
    this.#at = 0
    this.#read()
  }

  /** No block follows. */
  end(): void {
    this.#isLast = true
    this.#read()
    if (this.#expected === 'nothing') return
    const isEmpty = this.#expected === 'value' && this.#path.depth === 0
    const what = isEmpty ? 'the body is empty' : `the body ends where ${expectations[this.#expected]}`
    this.#fail(this.#text.length, what)
  }

  #read(): void {
    if (!this.#hasBegun && this.#text.length < LONGEST_MARK && !this.#isLast) return
    if (!this.#hasBegun) this.#begin()
    while (this.#step());
  }

  #begin(): void {
    this.#hasBegun = true
    if (/^(?:\xff\xfe|\xfe\xff|\0[^\0]|[^\0]\0)/.test(this.#text))
      this.#fail(0, 'the body looks like UTF-16: send it as UTF-8')
    if (this.#text.startsWith('\xef\xbb\xbf')) this.#at = LONGEST_MARK
  }

  /** Reads a token. Returns whether there was a whole one. */
  #step(): boolean {
    if (this.#isSkipping) return this.#skip()
    this.#skipSpace()
    if (this.#at >= this.#text.length) return false
    const code = this.#text.charCodeAt(this.#at)
    switch (this.#expected) {
      case 'comma or end':
        return this.#commaOrEnd(code)
      case 'key':
        return this.#key(code)
      case 'key or end':
        return code === CLOSE_BRACE ? this.#close() : this.#key(code)
      case 'colon':
        return code === COLON ? this.#sign('value') : this.#unexpected()
      case 'value or end':
        return code === CLOSE_BRACKET ? this.#close() : this.#value(code)
      case 'value':
        return this.#value(code)
      case 'nothing':
        return this.#unexpected()
    }
  }

  #skipSpace(): void {
    const text = this.#text
    let at = this.#at
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at)
      if (code === LINE_FEED) this.#line += 1
      else if (code !== SPACE && code !== CARRIAGE_RETURN && code !== TAB) break
    }
    this.#at = at
  }

  #sign(expected: Expected): true {
    this.#at += 1
    this.#expected = expected
    return true
  }

  #commaOrEnd(code: number): boolean {
    const isInArray = this.#path.isInArray
    if (code === COMMA) {
      this.#path.next()
      return this.#sign(isInArray ? 'value' : 'key')
    }
    return code === (isInArray ? CLOSE_BRACKET : CLOSE_BRACE) ? this.#close() : this.#unexpected()
  }

  #close(): true {
    this.#at += 1
    this.#path.close()
    this.#valueEnds()
    this.#handler.close()
    return true
  }

  #valueEnds(): void {
    this.#expected = this.#path.depth === 0 ? 'nothing' : 'comma or end'
  }

  #value(code: number): boolean {
    switch (code) {
      case QUOTE:
        return this.#string(false)
      case OPEN_BRACE:
        return this.#openObject()
      case OPEN_BRACKET:
        return this.#openArray()
      case T:
        return this.#word('true', true)
      case F:
        return this.#word('false', false)
      case N:
        return this.#word('null', null)
      default:
        return code === MINUS || (code >= ZERO && code <= NINE) ? this.#number() : this.#unexpected()
    }
  }

  #openObject(): true {
    this.#checkDepth()
    this.#path.openObject()
    this.#handler.openObject()
    return this.#sign('key or end')
  }

  #openArray(): true {
    this.#checkDepth()
    this.#path.openArray()
    this.#handler.openArray()
    return this.#sign('value or end')
  }

  #checkDepth(): void {
    if (this.#path.depth === DEPTH_LIMIT)
      this.#fail(this.#at, `objects and arrays are nested more than ${DEPTH_LIMIT} deep`)
  }

  #word(word: string, value: boolean | null): boolean {
    const end = this.#at + word.length
    if (!this.#text.startsWith(word, this.#at)) {
      const isCut = end > this.#text.length && word.startsWith(this.#text.slice(this.#at))
      return isCut ? this.#goesOn(`in the middle of ${word}`) : this.#unexpected()
    }
    this.#at = end
    this.#valueEnds()
    this.#handler.scalar(value, false)
    return true
  }

  #number(): boolean {
    afterNumber.lastIndex = this.#at
    const end = afterNumber.exec(this.#text)?.index ?? this.#text.length
    if (end - this.#at > NUMBER_LIMIT)
      this.#fail(this.#at, `a number has more than ${NUMBER_LIMIT} characters`)
    if (end === this.#text.length && !this.#isLast) return false
    const digits = this.#text.slice(this.#at, end)
    if (!number.test(digits)) this.#fail(this.#at, 'there is a number as JSON has none')
    this.#at = end
    this.#valueEnds()
    this.#handler.scalar(Number(digits), false)
    return true
  }

  #key(code: number): boolean {
    return code === QUOTE ? this.#string(true) : this.#unexpected()
  }

  #string(isKey: boolean): boolean {
    const start = this.#at + 1
    const to = Math.min(this.#text.length, start + STRING_LIMIT + 1)
    const end = this.#scanner.find(this.#text, start, to)
    if (end >= 0) {
      const value = this.#decoded(start, end)
      this.#at = end + 1
      this.#tell(isKey, value, false)
      return true
    }
    if (to - start <= STRING_LIMIT) return this.#goesOn('in the middle of a string')
    const stop = characterStart(this.#bytes, start, this.#scanner.stoppedAt)
    const head = this.#decoded(start, stop)
    this.#at = stop
    this.#isSkipping = true
    this.#tell(isKey, head, true)
    return true
  }

  #tell(isKey: boolean, value: string, isCut: boolean): void {
    if (isKey) {
      this.#path.at(value)
      this.#expected = 'colon'
      this.#handler.key(value)
    } else {
      this.#valueEnds()
      this.#handler.scalar(value, isCut)
    }
  }

  /** Passes over what is left of a string that is over the limit. */
  #skip(): boolean {
    const end = this.#scanner.find(this.#text, this.#at, this.#text.length)
    const stop = end >= 0 ? end : characterStart(this.#bytes, this.#at, this.#scanner.stoppedAt)
    if (this.#scanner.hasHigh) this.#checkUtf8(this.#at, stop)
    if (end < 0) {
      this.#at = stop
      return this.#goesOn('in the middle of a string')
    }
    this.#at = end + 1
    this.#isSkipping = false
    return true
  }

  #decoded(start: number, end: number): string {
    const { hasHigh, hasEscape } = this.#scanner
    if (hasHigh) this.#checkUtf8(start, end)
    const text = hasHigh ? this.#bytes.toString('utf8', start, end) : this.#text.slice(start, end)
    return hasEscape ? (JSON.parse(`"${text}"`) as string) : text
  }

  #checkUtf8(start: number, end: number): void {
    const at = firstUndecodable(this.#bytes, start, end)
    if (at < 0) return
    const byte = (this.#bytes[at] ?? 0).toString(16).toUpperCase()
    this.#fail(at, `the byte 0x${byte} is no UTF-8: send the body as UTF-8`)
  }

  #goesOn(where: string): false {
    if (this.#isLast) this.#fail(this.#text.length, `the body ends ${where}`)
    return false
  }

  #unexpected(): false {
    // With a few more bytes the hint is the same, wherever the blocks end.
    if (this.#text.length - this.#at < LONGEST_HINTED && !this.#isLast) return false
    const there = characterShown(this.#text, this.#at)
    const isAfterComma = this.#expected === 'key' || (this.#expected === 'value' && this.#path.isInArray)
    const hint = hintFor(this.#text.slice(this.#at, this.#at + LONGEST_HINTED), isAfterComma)
    return this.#fail(this.#at, `${expectations[this.#expected]}, but there is ${there}${hint}`)
  }

  #fail(at: number, what: string): never {
    const pointer = this.#path.pointer()
    const inside = pointer === '' ? '' : `, in ${shown(pointer)}`
    const detail = `The body is no JSON: ${what} (byte ${this.#before + at + 1}, line ${this.#line}${inside}). Nothing of it was taken.`
    const errors = [{ pointer, code: 'malformed', detail: what }]
    throw new ServiceError('json.malformed', detail, { errors })
  }
}
