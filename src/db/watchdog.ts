/** What the watchdog needs to know about connections, and what it may do to them. */
export interface Handling<C> {
  /**
   * Asks the database, on a fresh connection, whether it is working on what these connections asked. Rejects
   * where it does not answer within a time of its own.
   */
  ask(silent: readonly C[]): Promise<(connection: C) => boolean>
  /** How many bytes have come on a connection. */
  received(connection: C): number
  /** Cuts a connection off, so that its statement fails with this error. */
  sever(connection: C, reason: Error): void
}

/** A statement that has no answer yet. */
interface Wait {
  /** When there was the last sign of life, and how many bytes had come by then. */
  alive: number
  received: number
  /** How many times in a row the database knew nothing of the statement. */
  unknown: number
}

const ROUND = 1_000
const SILENCE = 5_000
// The answer, or the statement, may have been under way when the database was asked.
const TIMES_UNKNOWN = 2

/**
 * Sees to it that no statement waits for ever for a server that is frozen, or on a connection that has died
 * without a word, while one that only takes long, or waits for a lock, may wait as long as it likes.
 *
 * When a statement has had no answer for 5 s, the database is asked about it on a connection of its own, by one
 * question at a time for all statements. No answer to that either: the database has stalled, and the connection is
 * severed, about 10 s after the statement. An answer that nobody works on the statement, twice in a row: the
 * connection is dead, and is severed after about as long. What has happened to one connection may have happened to
 * all, so those that were opened before are not used again.
 */
export class Watchdog<C extends object> {
  readonly #handling: Handling<C>
  readonly #waits = new Map<C, Wait>()
  #trusted = new WeakSet<C>()
  #rounds: NodeJS.Timeout | undefined
  #asking = false

  constructor(handling: Handling<C>) {
    this.#handling = handling
  }

  /** Trusts a connection that was just opened. */
  trust(connection: C): void {
    this.#trusted.add(connection)
  }

  /** Whether a connection may be given to somebody: it is trusted, and nothing is under way on it. */
  isFit(connection: C): boolean {
    return this.#trusted.has(connection) && !this.#waits.has(connection)
  }

  /** Runs a statement on a connection, and watches it meanwhile. */
  async watch<T>(connection: C, statement: () => Promise<T>): Promise<T> {
    const wait = { alive: performance.now(), received: this.#handling.received(connection), unknown: 0 }
    this.#waits.set(connection, wait)
    this.#rounds ??= setInterval(() => void this.#round(), ROUND).unref()
    try {
      return await statement()
    } finally {
      if (this.#waits.get(connection) === wait) this.#waits.delete(connection)
      if (this.#waits.size === 0) this.#rest()
    }
  }

  #rest(): void {
    clearInterval(this.#rounds)
    this.#rounds = undefined
  }

  async #round(): Promise<void> {
    if (this.#asking) return
    const silent = [...this.#waits].filter(([connection, wait]) => this.#isSilent(connection, wait))
    if (silent.length === 0) return
    this.#asking = true
    await this.#askAbout(silent)
    this.#asking = false
  }

  #isSilent(connection: C, wait: Wait): boolean {
    const received = this.#handling.received(connection)
    if (received !== wait.received) Object.assign(wait, { received, alive: performance.now(), unknown: 0 })
    return performance.now() - wait.alive >= SILENCE
  }

  async #askAbout(silent: readonly (readonly [C, Wait])[]): Promise<void> {
    // Between question and answer a statement may have ended, and the connection be at another.
    const stillWaiting = () => silent.filter(([connection, wait]) => this.#waits.get(connection) === wait)
    try {
      const isWorkedOn = await this.#handling.ask(silent.map(([connection]) => connection))
      for (const [connection, wait] of stillWaiting()) {
        wait.alive = performance.now()
        wait.unknown = isWorkedOn(connection) ? 0 : wait.unknown + 1
        if (wait.unknown === TIMES_UNKNOWN)
          this.#giveUp(connection, 'The connection to the database is dead.')
      }
    } catch (cause) {
      for (const [connection] of stillWaiting())
        this.#giveUp(connection, 'The database has stalled: it answers on no connection.', cause)
    }
  }

  #giveUp(connection: C, reason: string, cause?: unknown): void {
    this.#trusted = new WeakSet()
    this.#handling.sever(connection, new Error(reason, { cause }))
  }
}
