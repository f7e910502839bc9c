import { ServiceError } from '../errors.ts'

/** How slowly a body may come. */
export interface Pace {
  /** Bytes a second that keep the patience as it is. */
  readonly bytesPerSecond: number
  /** Milliseconds of waiting that are granted at first; more than these are never saved up either. */
  readonly patience: number
}

/**
 * A client that sends a row a second, the shortest there is, goes on for ever; one that sends a byte every ten
 * seconds only to hold a connection is gone after two minutes, like one that sends nothing.
 */
export const uploadPace: Pace = { bytesPerSecond: 5, patience: 120_000 }

/**
 * The patience with one client. It is spent only while the client is waited for, so what holds up the service
 * itself never counts, and each byte that comes gives some of it back.
 */
export class Patience {
  readonly #pace: Pace
  #left: number
  /** Whether bytes give patience back. Without, all that is waited for must come within the first patience. */
  earning = true

  constructor(pace: Pace) {
    this.#pace = pace
    this.#left = pace.patience
  }

  /** How long the client may be waited for, in milliseconds. */
  get left(): number {
    return Math.max(0, this.#left)
  }

  /** The client was waited for. */
  spend(milliseconds: number): void {
    this.#left -= milliseconds
  }

  /** The client has sent something. */
  earn(bytes: number): void {
    if (!this.earning) return
    const earned = (bytes / this.#pace.bytesPerSecond) * 1_000
    this.#left = Math.min(this.#pace.patience, this.left + earned)
  }
}

/** What a client is told for whom the patience is at its end (RFC 9110 §15.5.9). */
export function tooSlow(): ServiceError {
  const detail = 'The upload came too slowly, or not at all: send it again, over a better line or in parts.'
  return new ServiceError('request.too_slow', detail, { headers: { Connection: 'close' } })
}
