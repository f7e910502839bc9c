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
