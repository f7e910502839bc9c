import type { Layout } from '../import/row.ts'
import { columnNames, type ColumnName } from '../users/columns.ts'
import { cut, shown } from '../users/text.ts'

/** How the names of the header are read. */
export interface HeaderOptions {
  /** The names by which some columns go in this upload, from `?map=email:Work%20Email`. */
  readonly columnMap: ReadonlyMap<ColumnName, string>
  /** Whether columns of unknown names are passed through untouched; otherwise they are refused. */
  readonly echoUnknown: boolean
}

/** The columns one of which every header needs. */
export const headerKeys: readonly ColumnName[] = ['id', 'slug', 'email']

/** What {@link comparable} does, for people. */
export const headerRule =
  'Column names are compared without letter case, white space, _, - and . so E-Mail and e_mail mean email.'

/** The form in which the names of a header are compared: without letter case, white space, `_`, `-` and `.`. */
export function comparable(name: string): string {
  return name.toLowerCase().replace(/[\s_.\u180E\u200B-\u200D\u2060-]/g, '')
}

/** How much of a name is shown to people, in code points. */
export const NAME_LENGTH = 40

/** A name of the header, as a sentence shows it. */
export function quoted(name: string): string {
  return `"${shown(cut(name, NAME_LENGTH))}"`
}

/** Finds the column that a name of the header means. */
export type NameReader = (name: string) => ColumnName | undefined

/** `columnMap` says for some columns by what other name they go in this upload; then no other name means them. */
export function nameReader(columnMap: ReadonlyMap<ColumnName, string>): NameReader {
  const known = new Map<string, ColumnName>()
  for (const column of columnNames) if (!columnMap.has(column)) known.set(comparable(column), column)
  for (const [column, name] of columnMap) known.set(comparable(name), column)
  return (name) => known.get(comparable(name))
}

/** The names of a header, and what they mean. */
export interface NamedColumns {
  readonly names: readonly string[]
  readonly columns: Layout
  /** How many columns of an earlier answer stand before them: columns are numbered as a spreadsheet shows them. */
  readonly dropped: number
}
