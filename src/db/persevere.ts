import { setTimeout } from 'node:timers/promises'
import { asServiceError, meaningOf, unreachable } from './trouble.ts'

/** The passing of time, for tests. */
export interface Time {
  /** Milliseconds since some moment; never goes back. */
  now(): number
  /** Resolves after that time, or as soon as the signal is given. */
  sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void>
  /** From 0 to 1, without 1. */
  random(): number
}

/** How long and how loudly to persevere. */
export interface PersevereOptions {
  /** For how many milliseconds, from the first failure on, trouble may last. Default {@link PATIENCE}. */
  readonly patience?: number
  /** Ends the waiting between two attempts; a running attempt is never cut off. */
  readonly signal?: AbortSignal | undefined
  /** Hears of trouble once when it begins, not at every attempt, so that it can be logged. */
  readonly onTrouble?: ((error: unknown) => void) | undefined
  readonly time?: Time
}

/** How long trouble with the database is waited for, in milliseconds. */
export const PATIENCE = 30_000

const FIRST_PAUSE = 50
const LONGEST_PAUSE = 2_000

// The imports of an organization take turns, so only writers from outside can be in the way.
const COLLISIONS = 8

const realTime: Time = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) =>
    setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
  random: Math.random,
}

/**
 * Runs `attempt` until it succeeds, its error is one that time does not mend, or patience is at an end.
 *
 * Trouble with the database is waited for with growing pauses, from 50 ms to 2 s, each shortened at random by up
 * to a half, so that not everybody comes back at once. Where another writer is in the way, the attempt is made
 * again almost at once, eight times in all; that shows that the database works, so patience starts afresh.
 *
 * An attempt must be safe to repeat even if it had succeeded: the answer to its COMMIT may be lost. It is always
 * awaited, and the time that it takes counts. Its statements are run by `query` and `execute`, or their errors
 * given to `asServiceError`: any other error without a SQLSTATE is taken for a mistake of ours.
 *
 * @param attempt - told which one it is, from 1
 * @throws ServiceError `database.unreachable` If trouble lasts, or others are in the way every time
 * @throws the signal's reason, if it was given before an attempt
 * @throws what the attempt throws, in every other case
 */
export async function persevere<T>(
  attempt: (number: number) => Promise<T>,
  { patience = PATIENCE, signal, onTrouble, time = realTime }: PersevereOptions = {},
): Promise<T> {
  const pauses = new Pauses(patience, time, onTrouble)
  for (let number = 1; ; number += 1) {
    signal?.throwIfAborted()
    try {
      return await attempt(number)
    } catch (error) {
      await time.sleep(pauses.after(error), signal)
    }
  }
}

/** How long to wait after each failure of one undertaking. */
class Pauses {
  readonly #patience: number
  readonly #time: Time
  readonly #onTrouble: ((error: unknown) => void) | undefined
  #collisions = 0
  #deadline: number | undefined
  #next = FIRST_PAUSE

  constructor(patience: number, time: Time, onTrouble: ((error: unknown) => void) | undefined) {
    this.#patience = patience
    this.#time = time
    this.#onTrouble = onTrouble
  }

  /** @throws what is to be thrown where no other attempt makes sense */
  after(error: unknown): number {
    const meaning = meaningOf(error)
    if (meaning === 'in the way') return this.#afterCollision(error)
    if (meaning === 'trouble') return this.#afterTrouble(error)
    throw error
  }

  #afterCollision(error: unknown): number {
    this.#collisions += 1
    if (this.#collisions === COLLISIONS) throw unreachable(error)
    this.#deadline = undefined
    this.#next = FIRST_PAUSE
    return this.#time.random() * 2 ** this.#collisions
  }

  #afterTrouble(error: unknown): number {
    if (this.#deadline === undefined) this.#onTrouble?.(error)
    this.#deadline ??= this.#time.now() + this.#patience
    const left = this.#deadline - this.#time.now()
    if (left <= 0) throw asServiceError(error)
    const pause = this.#next * (1 - this.#time.random() / 2)
    this.#next = Math.min(this.#next * 2, LONGEST_PAUSE)
    // The last attempt is made when patience ends, not before.
    return Math.min(pause, left)
  }
}

/**
 * Runs something that others wait for at once: where another writer is in the way it is tried again, trouble is told.
 *
 * @throws as {@link persevere} does
 */
export function promptly<T>(attempt: () => Promise<T>): Promise<T> {
  return persevere(attempt, { patience: 0 })
}
