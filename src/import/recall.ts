import { setImmediate } from 'node:timers/promises'
import type { Row } from './row.ts'

/** Rows that an earlier run of the import has answered, one after the other. */
export interface AnsweredRows {
  /** The number of the first of them. */
  readonly firstRow: number
  /** The ids of the users whom they mean, row by row; `null` where a row means nobody. */
  readonly meant: readonly (string | null)[]
}

// Rows that are recalled in one go, a tenth of a millisecond: nothing is saved meanwhile, but others want their turn.
const SLICE = 100

/**
 * Reads past the rows that an earlier run has answered.
 *
 * @param blocks - the rows of the upload from the first on, in blocks of any size
 * @param answered - what became of the first of them
 * @param recall - hears of each answered row that means a user, in order
 * @returns the rows that were not answered, once all that were are recalled
 * @throws RangeError If these are not the rows that were answered: a mistake of ours
 */
export async function* afterAnswered(
  blocks: AsyncIterable<readonly Row[]>,
  answered: AsyncIterable<AnsweredRows>,
  recall: (row: Row, id: string) => void,
): AsyncGenerator<readonly Row[]> {
  const source = new RowSource(blocks)
  try {
    for await (const { firstRow, meant } of answered) {
      for (let done = 0; done < meant.length;) {
        const rows = await source.take(Math.min(SLICE, meant.length - done))
        if (rows.length === 0)
          throw new RangeError(`the upload ends before row ${firstRow + done}, which was answered`)
        for (const row of rows) {
          const id = meant[done]
          if (row.number !== firstRow + done)
            throw new RangeError(`row ${row.number} was answered as another`)
          if (typeof id === 'string') recall(row, id)
          done += 1
        }
        await setImmediate()
      }
    }
    yield* source.rest()
  } finally {
    await source.close()
  }
}

/** Rows that come in blocks, taken in pieces of other sizes. */
class RowSource {
  readonly #blocks: AsyncIterator<readonly Row[]>
  #block: readonly Row[] = []
  #taken = 0

  constructor(blocks: AsyncIterable<readonly Row[]>) {
    this.#blocks = blocks[Symbol.asyncIterator]()
  }

  /** Some rows, at most so many; none at the end. */
  async take(most: number): Promise<readonly Row[]> {
    while (this.#taken === this.#block.length) {
      const next = await this.#blocks.next()
      if (next.done === true) return []
      this.#block = next.value
      this.#taken = 0
    }
    const rows = this.#block.slice(this.#taken, this.#taken + most)
    this.#taken += rows.length
    return rows
  }

  async *rest(): AsyncGenerator<readonly Row[]> {
    for (let rows = await this.take(Infinity); rows.length > 0; rows = await this.take(Infinity)) yield rows
  }

  async close(): Promise<void> {
    await this.#blocks.return?.()
  }
}
