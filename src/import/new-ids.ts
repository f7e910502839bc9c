import { randomBytes } from 'node:crypto'

/**
 * Ids for new users, assigned once they are asked for: 27 random bytes in base64url, drawn again until the first
 * is a letter or digit.
 */
export class NewIds {
  readonly #count: number
  #ids: readonly string[] | undefined

  constructor(count: number) {
    this.#count = count
  }

  at(index: number): string {
    this.#ids ??= randomIds(this.#count)
    return this.#ids[index] ?? ''
  }
}

function randomIds(count: number): readonly string[] {
  const text = randomBytes(27 * count).toString('base64url')
  return Array.from({ length: count }, (_, index) => {
    let id = text.slice(36 * index, 36 * (index + 1))
    while (id.startsWith('-') || id.startsWith('_')) id = randomBytes(27).toString('base64url')
    return id
  })
}
