import { faultsOf, type StoredChunk } from './chunk.ts'

/** How often a fault was found in a column. */
export interface FaultCount {
  readonly code: string
  /** `null` for the row as a whole. */
  readonly column: string | null
  readonly count: number
}

/**
 * Counts the faults of a result, the most frequent first. It needs no text of rows, and holds one chunk at a time.
 *
 * @param chunks - of a result, in any order; of each, only what CSV leaves out
 */
export async function faultCounts(
  chunks: AsyncIterable<Pick<StoredChunk, 'notes'>>,
): Promise<readonly FaultCount[]> {
  const counts = new Map<string, { code: string; column: string | null; count: number }>()
  for await (const chunk of chunks) {
    for (const { code, column } of faultsOf(chunk)) {
      const key = JSON.stringify([code, column])
      const known = counts.get(key)
      if (known === undefined) counts.set(key, { code, column, count: 1 })
      else known.count += 1
    }
  }
  return [...counts.values()].sort((one, other) => other.count - one.count || compared(one, other))
}

const compared = (one: FaultCount, other: FaultCount): number =>
  order(one.code, other.code) || order(one.column ?? '', other.column ?? '')

const order = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
