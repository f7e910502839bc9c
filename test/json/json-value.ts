import { JsonParser, type JsonHandler, type Scalar } from '../../src/json/json-parser.ts'
import type { ServiceError } from '../../src/errors.ts'

/** Makes the value that the parser tells of, as JSON.parse makes it: of a key that stands twice the last counts. */
class ValueBuilder implements JsonHandler {
  value: unknown
  readonly cut: Scalar[] = []
  readonly #open: { readonly container: unknown; key: string }[] = []

  openObject(): void {
    this.#put({}, true)
  }
  openArray(): void {
    this.#put([], true)
  }
  key(name: string): void {
    this.#open[this.#open.length - 1]!.key = name
  }
  close(): void {
    this.#open.pop()
  }
  scalar(value: Scalar, isCut: boolean): void {
    if (isCut) this.cut.push(value)
    this.#put(value, false)
  }

  #put(value: unknown, isOpen: boolean): void {
    const holder = this.#open[this.#open.length - 1]
    if (holder === undefined) this.value = value
    else if (Array.isArray(holder.container)) holder.container.push(value)
    else
      Object.defineProperty(holder.container, holder.key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    if (isOpen) this.#open.push({ container: value, key: '' })
  }
}

/** Bytes in pieces of these sizes, over and over; a size of 0 is all that is left. */
export function* cutInto(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 0
    yield bytes.subarray(at, size === 0 ? undefined : at + size)
    at = size === 0 ? bytes.length : at + size
  }
}

/** What the parser makes of a text. */
export function parsed(text: string | Buffer, sizes: readonly number[] = [0]): unknown {
  return parsedWithCuts(text, sizes).value
}

export function parsedWithCuts(text: string | Buffer, sizes: readonly number[] = [0]): ValueBuilder {
  const builder = new ValueBuilder()
  const parser = new JsonParser(builder)
  for (const block of cutInto(Buffer.from(text), sizes)) parser.write(block)
  parser.end()
  return builder
}

/** How the parser refuses a text. */
export function refusalOf(text: string | Buffer, sizes: readonly number[] = [0]): ServiceError {
  try {
    parsed(text, sizes)
  } catch (error) {
    return error as ServiceError
  }
  throw new Error('The text was not refused.')
}
