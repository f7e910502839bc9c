/** How many rows came to what. */
export interface Counts {
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly invalid: number
  readonly skipped: number
}

/** The rows of an import so far. */
export function rowsOf({ created, updated, unchanged, invalid, skipped }: Counts): number {
  return created + updated + unchanged + invalid + skipped
}

/** The rows that are imported, or would have been. */
export function importedOf({ created, updated, unchanged }: Counts): number {
  return created + updated + unchanged
}

/** The counts of no rows. */
export const noCounts: Counts = { created: 0, updated: 0, unchanged: 0, invalid: 0, skipped: 0 }

/** The counts of two parts of an import. */
export function sumOf(one: Counts, other: Counts): Counts {
  return {
    created: one.created + other.created,
    updated: one.updated + other.updated,
    unchanged: one.unchanged + other.unchanged,
    invalid: one.invalid + other.invalid,
    skipped: one.skipped + other.skipped,
  }
}
