/** What always holds, by the numbers of the list that the suite checks. */
export type Property =
  | 'P1 every record once'
  | 'P2 in order'
  | 'P3 sent cells equal'
  | 'P4 disposition and errors'
  | 'P5 strict CSV'
  | 'P6 no U+FFFD'
  | 'P7 reported is stored'
  | 'P8 nothing else changed'
  | 'P9 sent again, one clean run'
  | 'P10 nothing invalid is stored'
  | 'P11 nothing is left'
  | 'P12 memory flat'
  | 'P13 no secret'
  | 'complete'
  | 'receipt'
  | 'idempotency'

/** Something that must not be. */
export interface Complaint {
  readonly property: Property
  readonly what: string
}

// One cause makes thousands of the same.
const MOST = 5

/** Collects complaints: the first few of each property, and how many more there were. */
export class Complaints {
  readonly #all: Complaint[] = []
  readonly #more = new Map<Property, number>()

  add(property: Property, what: string): void {
    const before = this.#more.get(property) ?? 0
    this.#more.set(property, before + 1)
    if (before < MOST) this.#all.push({ property, what })
  }

  get all(): readonly Complaint[] {
    const left = [...this.#more].filter(([, count]) => count > MOST)
    return [
      ...this.#all,
      ...left.map(([property, count]) => ({ property, what: `… and ${count - MOST} more` })),
    ]
  }
}
