import type { Knex } from 'knex'
import { eraseExpired, type Keeping } from './expiry.ts'
import { deleteStalePayloads } from './payloads.ts'
import { beat, unregister, type ProcessParts } from './processes.ts'
import { forgetWrongAttempts } from './wrong-attempts.ts'

/** What is done by every process all the time. */
export interface UpkeepParts extends ProcessParts {
  readonly knex: Knex
  readonly keeping: Keeping
  /** Hears of rounds that failed; the next comes all the same. */
  readonly onFailure: (error: unknown) => void
}

const BEAT_MILLISECONDS = 3_000
const ERASE_MILLISECONDS = 60_000

/** Shows that this process lives, looks after the imports of those that died, and deletes what is too old. */
export class Upkeep {
  readonly #parts: UpkeepParts
  #timers: NodeJS.Timeout[] = []
  #beating: Promise<void> = Promise.resolve()
  #erasing: Promise<void> = Promise.resolve()

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
    // Each on its own: who deletes for long must not be taken for dead meanwhile.
    this.#timers = [
      setInterval(() => {
        this.#beating = this.#beating.then(() => this.#tried(() => beat(this.#parts)))
      }, BEAT_MILLISECONDS),
      setInterval(() => {
        this.#erasing = this.#erasing.then(() => this.#tried(() => this.#erase()))
      }, ERASE_MILLISECONDS),
    ]
  }

  async #erase(): Promise<void> {
    const { knex, keeping } = this.#parts
    await deleteStalePayloads(knex)
    while (this.#isRunning() && (await eraseExpired(knex, keeping)) > 0);
    await forgetWrongAttempts(knex)
  }

  async #tried(work: () => Promise<void>): Promise<void> {
    try {
      if (this.#isRunning()) await work()
    } catch (error) {
      this.#parts.onFailure(error)
    }
  }

  #isRunning(): boolean {
    return this.#timers.length > 0
  }

  /** Ends the rounds, and tells the others that this process is gone. */
  async stop(): Promise<void> {
    if (!this.#isRunning()) return
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
    await Promise.all([this.#beating, this.#erasing])
    try {
      await unregister(this.#parts)
    } catch (error) {
      this.#parts.onFailure(error)
    }
  }
}
