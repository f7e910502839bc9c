import { createJudge, type JudgeOptions } from '../../src/import/judge.ts'
import type { Verdict } from '../../src/import/row.ts'
import { columnIndex, type ColumnName } from '../../src/users/columns.ts'
import type { Fault } from '../../src/users/faults.ts'
import type { ReadingOptions } from '../../src/users/rules.ts'
import { today, type Given } from './builders.ts'

const owners: JudgeOptions = { reading: { today }, clearBlanks: false, role: 'organization_owner' }

/** The verdict on a row of these cells alone. */
export function verdictOf(cells: Given, options: Partial<JudgeOptions> = {}): Verdict {
  const judge = createJudge(Object.keys(cells) as ColumnName[], { ...owners, ...options })
  return judge({ number: 2, cells: Object.values(cells), faults: [] })
}

/** The faults of a row of these cells, or none. */
export function faultsOf(cells: Given, options: Partial<JudgeOptions> = {}): readonly Fault[] {
  const verdict = verdictOf(cells, options)
  return verdict.kind === 'faulty' ? verdict.faults : []
}

/** The sentences of {@link faultsOf}. */
export const messagesOf = (cells: Given, options: Partial<JudgeOptions> = {}): string[] =>
  faultsOf(cells, options).map(({ message }) => message)

const beside = (column: ColumnName): Given => ({
  ...(column === 'email' ? {} : { email: 'anna@example.com' }),
  ...(column === 'providerId' ? { providerType: 'Local' } : {}),
})

/** A row in which nothing but one cell can be wrong. */
export const rowWith = (column: ColumnName, cell: string): Given => ({ ...beside(column), [column]: cell })

/** The canonical value of a good cell, or the faults of a bad one. */
export function judged(
  column: ColumnName,
  cell: string,
  reading: Partial<ReadingOptions> = {},
): string | undefined | readonly Fault[] {
  const verdict = verdictOf(rowWith(column, cell), { reading: { today, ...reading } })
  if (verdict.kind === 'blank') return undefined
  return verdict.kind === 'faulty' ? verdict.faults : verdict.candidate.values[columnIndex[column]]
}
