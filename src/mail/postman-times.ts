/** How long things take, in milliseconds, and how many are done at once. */
export interface PostmanTimes {
  /** Letters at once. */
  readonly atOnce: number
  /** How soon a new letter is seen, and one whose pause has ended. */
  readonly look: number
  /** What one attempt may take in all. */
  readonly attempt: number
  /** For how long nobody else tries a letter that is being sent: longer than an attempt and its mark together. */
  readonly lease: number
  /** After the first attempt, the second, and so on; the last one for all others. A fifth more or less, at random. */
  readonly pauses: readonly number[]
  /** From the end of the import on. */
  readonly patience: number
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** As the service does it. A mark perseveres for half a minute: it and an attempt end within the lease. */
export const postmanTimes: PostmanTimes = {
  atOnce: 4,
  look: SECOND,
  attempt: 100 * SECOND,
  lease: 150 * SECOND,
  pauses: [10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR],
  patience: 24 * HOUR,
}
