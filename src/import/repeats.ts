import { randomBytes } from 'node:crypto'

/** The earlier row of the file that means a user, and by which keys. */
export interface Earlier {
  readonly row: number
  /** The keys that stand in that row, one bit each; see `conflicts.ts`. */
  readonly gave: number
}

// A row's number and its key bits share 32 bits; that leaves room for 268 million rows.
const GAVE_BITS = 4
const GAVE_MASK = (1 << GAVE_BITS) - 1

/**
 * Which row of the file meant which user, for as many users as a file has: 12 bytes for each, 16 to 32 with
 * the free places. Instead of the id stand 64 bits of a hash that is keyed anew for every import; by chance
 * two of a million users collide once in 36 million imports.
 */
export class Repeats {
  readonly #seed = randomBytes(8)
  #size = 0
  #capacity = 1 << 10
  #hashes = new Uint32Array(2 * this.#capacity)
  #rows = new Uint32Array(this.#capacity)

  /** The row that meant this user, if one did. */
  find(id: string): Earlier | undefined {
    const [high, low] = this.#hash(id)
    const packed = this.#rows[this.#place(high, low)] ?? 0
    return packed === 0 ? undefined : { row: packed >>> GAVE_BITS, gave: packed & GAVE_MASK }
  }

  /** Remembers that a row, numbered from 1 at the least, meant this user. Only for what is committed. */
  add(id: string, { row, gave }: Earlier): void {
    if (4 * (this.#size + 1) > 3 * this.#capacity) this.#grow()
    const [high, low] = this.#hash(id)
    this.#size += 1
    this.#put(high, low, ((row << GAVE_BITS) | gave) >>> 0)
  }

  #put(high: number, low: number, packed: number): void {
    const place = this.#place(high, low)
    this.#hashes[2 * place] = high
    this.#hashes[2 * place + 1] = low
    this.#rows[place] = packed
  }

  /** Where this hash stands, or the free place where it would. */
  #place(high: number, low: number): number {
    let place = low & (this.#capacity - 1)
    while (this.#rows[place] !== 0) {
      if (this.#hashes[2 * place] === high && this.#hashes[2 * place + 1] === low) return place
      place = (place + 1) & (this.#capacity - 1)
    }
    return place
  }

  #grow(): void {
    const [hashes, rows] = [this.#hashes, this.#rows]
    this.#capacity *= 2
    this.#hashes = new Uint32Array(2 * this.#capacity)
    this.#rows = new Uint32Array(this.#capacity)
    rows.forEach((packed, place) => {
      if (packed !== 0) this.#put(hashes[2 * place] ?? 0, hashes[2 * place + 1] ?? 0, packed)
    })
  }

  /** Two rounds of MurmurHash3's mixing, each with a seed of its own. */
  #hash(id: string): [high: number, low: number] {
    return [mix(id, this.#seed.readUInt32LE(0)), mix(id, this.#seed.readUInt32LE(4))]
  }
}

function mix(text: string, seed: number): number {
  let hash = seed
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0xcc9e2d51)
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
