import { cut } from '../users/text.ts'

/** Keys are the caller's own words, and the answer that holds their pointers is a short one. */
const KEY_POINTS = 40

/**
 * A JSON Pointer (RFC 6901). Of a key that is longer than 40 characters it holds only these, ended by `…`.
 *
 * @param steps - from the whole body inwards: keys of objects, and places in arrays from 0 on
 */
export function pointerTo(...steps: readonly (string | number)[]): string {
  return steps
    .map((step) => `/${cut(String(step), KEY_POINTS).replace(/~/g, '~0').replace(/\//g, '~1')}`)
    .join('')
}

/** Where in the nested objects and arrays of a text a reader is. */
export class JsonPath {
  /** For each that is open: its present key, `undefined` before its first, or the present place in the array. */
  readonly #steps: (string | number | undefined)[] = []

  get depth(): number {
    return this.#steps.length
  }

  get isInArray(): boolean {
    return typeof this.#steps[this.#steps.length - 1] === 'number'
  }

  openObject(): void {
    this.#steps.push(undefined)
  }

  openArray(): void {
    this.#steps.push(0)
  }

  close(): void {
    this.#steps.pop()
  }

  /** Within an object a key follows. */
  at(key: string): void {
    this.#steps[this.#steps.length - 1] = key
  }

  /** A comma: the next element follows, or the next key is still to come. */
  next(): void {
    const last = this.#steps.length - 1
    const step = this.#steps[last]
    this.#steps[last] = typeof step === 'number' ? step + 1 : undefined
  }

  pointer(): string {
    return pointerTo(...this.#steps.filter((step) => step !== undefined))
  }
}
