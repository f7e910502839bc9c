import type { Random } from './random.ts'
import type { Stand } from './stand.ts'
import type { Tally } from './tally.ts'

/** What the service under test can do already; the checks ask for no more. */
export interface Features {
  /** Receipts and Idempotency-Key. */
  readonly receipts: boolean
  /** Trouble with the database is retried for up to 30 seconds. */
  readonly retries: boolean
}

/** Where a loop works. */
export interface Lab {
  readonly stand: Stand
  readonly features: Features
  /** Rows of an upload, the fewest and the most. */
  readonly rows: readonly [number, number]
  /** The seed of the whole loop; together with a run's number it repeats the run. */
  readonly seed: number
  /** The letters of the loop, so that its users and keys are no other loop's. */
  readonly mark: string
  /** The number of the first run. */
  readonly from: number
  readonly tally: Tally
  /** Says something of the progress. */
  readonly tell: (text: string) => void
  /** Checks that can't be made before the loop is over. */
  readonly deferred: (() => Promise<void>)[]
}

/** One run of a loop. */
export interface Run {
  readonly number: number
  readonly random: Random
  /** What it takes to repeat it. */
  readonly where: string
}
