import { ServiceError } from '../errors.ts'
import { shown } from '../users/text.ts'
import { JsonPath } from './json-path.ts'
import { characterShown, expectations, hintFor, LONGEST_HINTED, type Expected } from './malformed.ts'
import { StringReader } from './string-reader.ts'
import { TextWindow } from './text-window.ts'

/** How deep objects and arrays may be nested. */
export const DEPTH_LIMIT = 16
const NUMBER_LIMIT = 1_000

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
  readonly #window = new TextWindow()
  readonly #strings = new StringReader(this.#window, (at, what) => this.#fail(at, what))
  #expected: Expected = 'value'

  constructor(handler: JsonHandler) {
    this.#handler = handler
  }

  /** Takes a block in. Blocks much smaller than 64 KiB make long strings slow. */
  write(block: Buffer): void {
    this.#window.add(block)
    this.#read()
  }

  /** No block follows. */
  end(): void {
    this.#window.isLast = true
    this.#read()
    if (this.#expected === 'nothing') return
    const isEmpty = this.#expected === 'value' && this.#path.depth === 0
    const what = isEmpty ? 'the body is empty' : `the body ends where ${expectations[this.#expected]}`
    this.#fail(this.#window.text.length, what)
  }

  #read(): void {
    const canBegin = this.#window.begin(() => this.#fail(0, 'the body looks like UTF-16: send it as UTF-8'))
    if (canBegin) while (this.#step());
  }

  /** Reads a token. Returns whether there was a whole one. */
  #step(): boolean {
    if (this.#strings.isCut) return this.#strings.skipRest()
    this.#window.skipSpace()
    if (this.#window.at >= this.#window.text.length) return false
    const code = this.#window.text.charCodeAt(this.#window.at)
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

  #sign(expected: Expected): true {
    this.#window.at += 1
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
    this.#window.at += 1
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
      this.#fail(this.#window.at, `objects and arrays are nested more than ${DEPTH_LIMIT} deep`)
  }

  #word(word: string, value: boolean | null): boolean {
    const { text, at, isLast } = this.#window
    if (!text.startsWith(word, at)) {
      const isCut = at + word.length > text.length && word.startsWith(text.slice(at))
      if (isCut && isLast) this.#fail(text.length, `the body ends in the middle of ${word}`)
      return isCut ? false : this.#unexpected()
    }
    this.#window.at = at + word.length
    this.#valueEnds()
    this.#handler.scalar(value, false)
    return true
  }

  #number(): boolean {
    const { text, at, isLast } = this.#window
    afterNumber.lastIndex = at
    const end = afterNumber.exec(text)?.index ?? text.length
    if (end - at > NUMBER_LIMIT) this.#fail(at, `a number has more than ${NUMBER_LIMIT} characters`)
    if (end === text.length && !isLast) return false
    const digits = text.slice(at, end)
    if (!number.test(digits)) this.#fail(at, 'there is a number as JSON has none')
    this.#window.at = end
    this.#valueEnds()
    this.#handler.scalar(Number(digits), false)
    return true
  }

  #key(code: number): boolean {
    return code === QUOTE ? this.#string(true) : this.#unexpected()
  }

  #string(isKey: boolean): boolean {
    if (!this.#strings.read()) return false
    const { value, isCut } = this.#strings
    if (isKey) {
      this.#path.at(value)
      this.#expected = 'colon'
      this.#handler.key(value)
    } else {
      this.#valueEnds()
      this.#handler.scalar(value, isCut)
    }
    return true
  }

  #unexpected(): false {
    const { text, at, isLast } = this.#window
    // With a few more bytes the hint is the same, wherever the blocks end.
    if (text.length - at < LONGEST_HINTED && !isLast) return false
    const isAfterComma = this.#expected === 'key' || (this.#expected === 'value' && this.#path.isInArray)
    const hint = hintFor(text.slice(at, at + LONGEST_HINTED), isAfterComma)
    return this.#fail(at, `${expectations[this.#expected]}, but there is ${characterShown(text, at)}${hint}`)
  }

  #fail(at: number, what: string): never {
    const pointer = this.#path.pointer()
    const inside = pointer === '' ? '' : `, in ${shown(pointer)}`
    const detail = `The body is no JSON: ${what} (${this.#window.placeOf(at)}${inside}). Nothing of it was taken.`
    throw new ServiceError('json.malformed', detail, {
      errors: [{ pointer, code: 'malformed', detail: what }],
    })
  }
}
