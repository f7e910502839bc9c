import { meaningOf } from './trouble.ts'

// Half of the connections: what takes minutes leaves the others to what takes moments.
const LONG_AT_ONCE = 5

/**
 * Lets the imports of one organization in this process take turns before they ask for a connection. They would
 * wait for each other in the database anyway, and there each holds a connection that others need.
 */
export class Turns {
  readonly #last = new Map<number, Promise<unknown>>()
  #longPlaces = LONG_AT_ONCE
  readonly #longWaiting: (() => void)[] = []

  /**
   * Runs `work` when everything that asked before for the same organization has ended, well or not. It is told how
   * many milliseconds of patience with the database were spent while it waited: all of them, where the one before it
   * has given up on a database in trouble, else none.
   */
  async take<T>(organizationId: number, work: (spent: number) => Promise<T>): Promise<T> {
    const asked = performance.now()
    const before = this.#last.get(organizationId) ?? Promise.resolve()
    const turn = before.then(
      () => work(0),
      (error: unknown) => work(meaningOf(error) === 'trouble' ? performance.now() - asked : 0),
    )
    this.#last.set(organizationId, turn)
    try {
      return await turn
    } finally {
      if (this.#last.get(organizationId) === turn) this.#last.delete(organizationId)
    }
  }

  /** As {@link take}, for work that keeps its connection for long: only some of all organizations do so at once. */
  takeLong<T>(organizationId: number, work: (spent: number) => Promise<T>): Promise<T> {
    return this.take(organizationId, async (spent) => {
      if (this.#longPlaces > 0) this.#longPlaces -= 1
      else await new Promise<void>((resolve) => this.#longWaiting.push(resolve))
      try {
        return await work(spent)
      } finally {
        // Whoever waits for longest gets the place.
        const next = this.#longWaiting.shift()
        if (next === undefined) this.#longPlaces += 1
        else next()
      }
    })
  }
}
