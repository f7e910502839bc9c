import type { Noted } from './audit.ts'

/** Something that was done to a worker. */
export interface Blow {
  /** When it was done, or begun where it was no kill, by the clock of the database, in milliseconds. */
  readonly at: number
  /** The role of the worker; of all of them where it is left out. */
  readonly who?: string
}

/** How imports went on that were interrupted. */
export interface Gaps {
  /** How many went on. */
  readonly wentOn: number
  /** The longest time until one went on, in milliseconds. */
  readonly longest: number
  /** Half of them went on within this time. */
  readonly median: number
}

/** How long it took until imports went on that were running when their workers were struck. */
export function gapsOf(audit: readonly Noted[], blows: readonly Blow[]): Gaps {
  const histories = new Map<string, Noted[]>()
  for (const noted of audit) {
    if (noted.what === 'state') histories.set(noted.job, [...(histories.get(noted.job) ?? []), noted])
  }
  const gaps = blows.flatMap((blow) => [...histories.values()].flatMap((history) => gapAfter(history, blow)))
  const sorted = gaps.sort((a, b) => a - b)
  return {
    wentOn: gaps.length,
    longest: sorted.at(-1) ?? 0,
    median: sorted[Math.floor(gaps.length / 2)] ?? 0,
  }
}

function gapAfter(history: readonly Noted[], { at, who }: Blow): readonly number[] {
  const next = history.findIndex((noted) => noted.at > at)
  const before = history[next - 1]
  // without a fence it is still being taken in
  const isBegun = before?.state === 'running' && (before.fence ?? 0) > 0
  const isStruck = isBegun && (who === undefined || before.who === who)
  if (!isStruck || history[next]?.state !== 'waiting') return []
  const again = history.slice(next).find(({ state }) => state === 'running')
  return again === undefined ? [] : [again.at - at]
}
