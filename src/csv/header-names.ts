import { columnNames, type ColumnName } from '../users/columns.ts'

/** The form in which the names of a header are compared: without letter case, white space, `_`, `-` and `.`. */
export function comparable(name: string): string {
  return name.toLowerCase().replace(/[\s_.\u180E\u200B-\u200D\u2060-]/g, '')
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
