import { rowsOf } from '../receipts/counts.ts'
import type { LetterKind } from '../receipts/letter.ts'
import type { LetterImport } from './outbox.ts'

/** What a letter is about. */
export interface LetterFacts extends LetterImport {
  readonly kind: LetterKind
  /** The address of the receipt. */
  readonly link: string
}

/** A number as people read it. */
export const number = (value: number): string => value.toLocaleString('en-US')

/** `row` or `members`: what its rows are called, as many as there are. */
export const noun = ({ importKind }: LetterFacts, count: number): string =>
  `${importKind === 'members' ? 'member' : 'row'}${count === 1 ? '' : 's'}`

/** `1 row`, `2,000 members` */
export const some = (count: number, facts: LetterFacts): string => `${number(count)} ${noun(facts, count)}`

/** Nothing of it is ever imported. */
export const isDryRun = ({ mode }: LetterFacts): boolean => mode === 'dryRun'

/** Whether nothing of it was imported, whatever its counts say. */
export const importedNothing = (facts: LetterFacts): boolean =>
  isDryRun(facts) || facts.refused || (facts.mode === 'strict' && facts.kind !== 'finished')

/** Whether the rows that are good have to be sent again too. */
export const isWhole = (facts: LetterFacts): boolean => isDryRun(facts) || facts.refused

/** Whether it came to its end and there was nothing in it. */
export const wasEmpty = ({ kind, counts }: LetterFacts): boolean =>
  kind === 'finished' && rowsOf(counts) === 0

/** Whether it did not come to its end because somebody asked for that. */
export const wasStopped = ({ reason }: LetterFacts): boolean => reason?.code === 'import.stopped'

/** `2,050 of 60,000` where not all rows were looked at, else how many there are. */
export function progressOf({ counts, rowsTotal = 0 }: LetterFacts): string {
  const done = rowsOf(counts)
  return done < rowsTotal ? `${number(done)} of ${number(rowsTotal)}` : number(done)
}
