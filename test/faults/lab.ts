import type { Random } from './random.ts'
import type { Stand } from './stand.ts'
import type { Tally } from './tally.ts'

/** Where a loop works. */
export interface Lab {
  readonly stand: Stand
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
