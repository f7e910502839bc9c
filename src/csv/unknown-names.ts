import { columnNames, type ColumnName } from '../users/columns.ts'
import { isBlank } from '../users/text.ts'
import { comparable, NAME_LENGTH, quoted, type NamedColumns } from './header-names.ts'
import { nearestColumns, type NearestColumn } from './nearest-columns.ts'

const QUERY_LENGTH = 160

/** Says of a name that means no column, with its index in the header, what it may be: a clause without a full stop. */
export type UnknownNameText = (name: string, index: number) => string

/** Looks at all names of a header, for no two of them are likely to mean the same column. */
export function unknownNameText(
  { names, columns, dropped }: NamedColumns,
  columnMap: ReadonlyMap<ColumnName, string>,
): UnknownNameText {
  const strange = names.filter((name, index) => columns[index] === undefined && !isBlank(name))
  const free = columnNames.filter((column) => !columns.includes(column))
  const nearest = nearestColumns(new Set(strange.filter(isForeign).map(comparable)), free)
  return (name, index) => {
    const which = `column ${dropped + index + 1}, ${quoted(name)}, `
    if (isOfAnswer(name)) return which + answerColumn
    const own = ownColumn(name)
    if (own !== undefined) return which + mappedAway(own, index, { names, columns, dropped, columnMap })
    return which + unknown(name, nearest.get(comparable(name)))
  }
}

const isOfAnswer = (name: string): boolean => ['disposition', 'errors'].includes(comparable(name))

const answerColumn = 'is a column of an answer: begin the header with disposition,errors or remove it'

const ownColumn = (name: string): ColumnName | undefined =>
  columnNames.find((column) => comparable(column) === comparable(name))

const isForeign = (name: string): boolean => !isOfAnswer(name) && ownColumn(name) === undefined

interface MappedHeader extends NamedColumns {
  readonly columnMap: ReadonlyMap<ColumnName, string>
}

/** The name of a column of ours means no column only where `?map` gives that column another name. */
function mappedAway(column: ColumnName, index: number, header: MappedHeader): string {
  const { names, columns, dropped, columnMap } = header
  const at = columns.indexOf(column)
  const isThere = at !== -1
  const other = isThere
    ? `column ${dropped + at + 1}, ${quoted(names[at] ?? '')}`
    : quoted(columnMap.get(column) ?? '')
  const cure = isThere ? `rename or remove column ${dropped + index + 1}` : 'leave that out of the query'
  return `is not read as ${column}, since ?map gives that to ${other}: ${cure}`
}

function unknown(name: string, nearest: NearestColumn | undefined): string {
  if (nearest === undefined) return 'is unknown'
  const { column, isLikely } = nearest
  if (!isLikely) return `is unknown: the nearest known name is ${column}`
  const query = queryFor(column, name)
  return `is unknown: is it ${column}?${query === undefined ? '' : ` (${query})`}`
}

/** The query string that would help, unless it is too long to be of use. */
function queryFor(column: ColumnName, name: string): string | undefined {
  if (name.length > NAME_LENGTH) return undefined
  // it stands in brackets
  const value = encodeURIComponent(name.trim()).replaceAll('(', '%28').replaceAll(')', '%29')
  const query = `?map=${column}:${value}`
  return query.length > QUERY_LENGTH ? undefined : query
}
