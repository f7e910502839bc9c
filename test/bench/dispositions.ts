const NEWLINE = 0x0a
const QUOTE = 0x22
const COMMA = 0x2c

/** How often each disposition stands in an answer. */
export type Dispositions = Readonly<Record<string, number>>

/** Counts the first cells of a CSV answer, which comes in pieces, without its header. */
export class DispositionCounter {
  readonly #counts = new Map<string, number>()
  #cell = ''
  #inFirstCell = true
  #quoted = false
  #header = true

  add(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) at = this.#inFirstCell ? this.#readCell(chunk, at) : this.#skipRecord(chunk, at)
  }

  /** @throws Error If the answer ended within a record */
  counts(): Dispositions {
    if (this.#quoted || !this.#inFirstCell || this.#cell !== '')
      throw new Error('The answer ends within a record')
    return Object.fromEntries(this.#counts)
  }

  /** A disposition is never quoted. */
  #readCell(chunk: Buffer, from: number): number {
    const comma = chunk.indexOf(COMMA, from)
    const end = comma === -1 ? chunk.length : comma
    this.#cell += chunk.toString('latin1', from, end)
    if (comma === -1) return end
    if (!this.#header) this.#counts.set(this.#cell, (this.#counts.get(this.#cell) ?? 0) + 1)
    this.#header = false
    this.#cell = ''
    this.#inFirstCell = false
    return end + 1
  }

  /** To the first line break that no quotes enclose. A doubled quote closes and opens again. */
  #skipRecord(chunk: Buffer, from: number): number {
    let quoted = this.#quoted
    let at = from
    for (; at < chunk.length; at += 1) {
      const byte = chunk[at]
      if (byte === QUOTE) quoted = !quoted
      else if (byte === NEWLINE && !quoted) break
    }
    this.#quoted = quoted
    this.#inFirstCell = at < chunk.length
    return at + 1
  }
}
