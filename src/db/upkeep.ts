import type { Knex } from 'knex'
import { eraseExpired, type Keeping } from './expiry.ts'
import { beat, unregister, type ProcessParts } from './processes.ts'

/** What is done by every process all the time. */
export interface UpkeepParts extends ProcessParts {
  readonly knex: Knex
  readonly keeping: Keeping
  /** Hears of rounds that failed; the next comes all the same. */
  readonly onFailure: (error: unknown) => void
}

const BEAT_MILLISECONDS = 3_000
const ROUNDS_TO_EXPIRY = 20

/** Shows that this process lives, looks after the imports of those that died, and deletes what is too old. */
export class Upkeep {
  readonly #parts: UpkeepParts
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> = Promise.resolve()
  #rounds = 0

  constructor(parts: UpkeepParts) {
    this.#parts = parts
  }

  /**
   * Does the first round now, and the next ones every few seconds until {@link stop}.
   *
   * @throws ServiceError `database.unreachable` If the first could not be done
   */
  async start(): Promise<void> {
    await beat(this.#parts)
    this.#timer = setInterval(() => {
      this.#round = this.#round.then(() => this.#next())
    }, BEAT_MILLISECONDS)
  }

  async #next(): Promise<void> {
    const { knex, keeping, onFailure } = this.#parts
    try {
      if (this.#timer === undefined) return
      await beat(this.#parts)
      this.#rounds += 1
      if (this.#rounds % ROUNDS_TO_EXPIRY === 0) await eraseExpired(knex, keeping)
    } catch (error) {
      onFailure(error)
    }
  }

  /** Ends the rounds, and tells the others that this process is gone. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#round
    try {
      await unregister(this.#parts)
    } catch (error) {
      this.#parts.onFailure(error)
    }
  }
}
