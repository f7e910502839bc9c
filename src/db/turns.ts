/**
 * Lets the imports of one organization in this process take turns before they ask for a connection. They would
 * wait for each other in the database anyway, and there each holds a connection that others need.
 */
export class Turns {
  readonly #last = new Map<number, Promise<unknown>>()

  /** Runs `work` when everything that asked before for the same organization has ended, well or not. */
  async take<T>(organizationId: number, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(organizationId) ?? Promise.resolve()
    const turn = before.then(work, work)
    const settled = turn.catch(() => undefined)
    this.#last.set(organizationId, settled)
    try {
      return await turn
    } finally {
      if (this.#last.get(organizationId) === settled) this.#last.delete(organizationId)
    }
  }
}
