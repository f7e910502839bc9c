import { meaningOf } from './trouble.ts'

/**
 * Lets the imports of one organization in this process take turns before they ask for a connection. They would
 * wait for each other in the database anyway, and there each holds a connection that others need.
 */
export class Turns {
  readonly #last = new Map<number, Promise<unknown>>()

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
}
