/** How rows are put into batches. */
export interface BatchSizes {
  /** Rows in the first batch; small, so that the first answers come soon. */
  readonly first: number
  /** Rows in the largest batch; each is four times as large as the one before until then. */
  readonly largest: number
  /** How long rows that do not fill a batch wait for more, in milliseconds. */
  readonly patience: number
}

// A row may be a megabyte: a batch of a thousand like it would be a gigabyte, in memory and in one statement.
const HEAVIEST = 4 * 2 ** 20

/** Holds what has arrived and was not taken, up to a limit that makes the source wait. */
class Ahead<T> {
  readonly #limit: number
  readonly #weigh: (item: T) => number
  #waiting: T[] = []
  #weight = 0
  #ended = false
  #failure: unknown
  #stopped = false
  #sleepers: (() => void)[] = []

  constructor(limit: number, weigh: (item: T) => number) {
    this.#limit = limit
    this.#weigh = weigh
  }

  /** Reads ahead until the end, or until somebody calls {@link stop}. A failure is for whoever takes. */
  async fill(blocks: AsyncIterable<readonly T[]>): Promise<void> {
    try {
      for await (const block of blocks) {
        this.#waiting = this.#waiting.length === 0 ? [...block] : this.#waiting.concat(block)
        for (const item of block) this.#weight += this.#weigh(item)
        this.#wake()
        while (this.#isFull(this.#limit) && !this.#stopped) await this.#change()
        if (this.#stopped) return
      }
    } catch (error) {
      this.#failure = error
    } finally {
      this.#ended = true
      this.#wake()
    }
  }

  /** Up to `size`; fewer when `patience` has passed since the first arrived; none at the end. */
  async take(size: number, patience: number): Promise<readonly T[]> {
    while (this.#waiting.length === 0 && !this.#ended) await this.#change()
    const patienceEnds = performance.now() + patience
    while (!this.#isFull(size) && !this.#ended) {
      const left = patienceEnds - performance.now()
      if (left <= 0) break
      await this.#change(left)
    }
    const taken = this.#waiting.slice(0, this.#fitting(size))
    this.#waiting = this.#waiting.slice(taken.length)
    for (const item of taken) this.#weight -= this.#weigh(item)
    if (taken.length === 0 && this.#failure !== undefined) throw this.#failure as Error
    this.#wake()
    return taken
  }

  #isFull(size: number): boolean {
    return this.#waiting.length >= size || this.#weight >= HEAVIEST
  }

  /** How many make a batch: up to `size`, fewer where they are heavy, but at least one. */
  #fitting(size: number): number {
    if (this.#weight < HEAVIEST) return size
    let weight = 0
    const end = this.#waiting.findIndex((item) => (weight += this.#weigh(item)) >= HEAVIEST)
    return end === -1 ? size : Math.min(size, end + 1)
  }

  /** Lets go of the source. */
  stop(): void {
    this.#stopped = true
    this.#wake()
  }

  /** Resolves when something has changed, or after `within` milliseconds. */
  async #change(within?: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = within === undefined ? undefined : setTimeout(resolve, within)
      this.#sleepers.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #wake(): void {
    const sleepers = this.#sleepers
    this.#sleepers = []
    for (const wake of sleepers) wake()
  }
}

/**
 * Regroups what arrives in blocks of any size into batches, and reads up to two batches ahead while one
 * is being worked on. What has waited for `patience` goes on in a batch that is not full, so that a slow upload
 * is answered as it comes. What arrived before a failure comes before it.
 *
 * @param weigh - the length of an item in characters; a batch ends early where its items are very long.
 *   By default nothing is
 */
export async function* inBatches<T>(
  blocks: AsyncIterable<readonly T[]>,
  { first, largest, patience }: BatchSizes,
  weigh: (item: T) => number = () => 0,
): AsyncGenerator<readonly T[]> {
  const ahead = new Ahead<T>(largest, weigh)
  void ahead.fill(blocks)
  try {
    let size = Math.min(first, largest)
    for (;;) {
      const batch = await ahead.take(size, patience)
      if (batch.length === 0) return
      yield batch
      size = Math.min(4 * size, largest)
    }
  } finally {
    ahead.stop()
  }
}
