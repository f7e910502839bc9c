import type { Layout } from '../import/row.ts'
import type { ColumnName } from '../users/columns.ts'
import { isBlank } from '../users/text.ts'
import type { Charset } from './charset.ts'
import { comparable, headerKeys, quoted, type HeaderOptions, type NamedColumns } from './header-names.ts'
import { unknownNameText } from './unknown-names.ts'

const LISTED = 10
/** What keeps an answer with this detail under 2 kB. */
const DETAIL_BYTES = 1_500
/** Room for the last sentence, which says how many more there are. */
const CLOSING_BYTES = 280

/** One thing that is wrong with a header. */
export interface HeaderProblem {
  readonly kind: 'unknown' | 'repeated' | 'missing'
  /** A clause without a full stop. */
  readonly text: string
}

/** Everything that is wrong with the names of a header, in their order. */
export function headerProblems(header: NamedColumns, options: HeaderOptions): HeaderProblem[] {
  const { columns } = header
  const problems = [...nameProblems(header, options), ...mapProblems(columns, options.columnMap)]
  if (headerKeys.some((key) => columns.includes(key))) return problems
  const text = 'none of id, slug and email is there, and one of them must be: name it with ?map=email:NAME'
  return [...problems, { kind: 'missing', text }]
}

function nameProblems(header: NamedColumns, options: HeaderOptions): HeaderProblem[] {
  const { names, columns, dropped } = header
  const unknownText = options.echoUnknown ? undefined : unknownNameText(header, options.columnMap)
  const seen = new Map<string, number>()
  return names.flatMap((name, index): HeaderProblem[] => {
    const key = comparable(name)
    const earlier = seen.get(key)
    if (isBlank(name)) return []
    if (earlier !== undefined)
      return [repeated(name, dropped + index, names[earlier] ?? '', dropped + earlier)]
    seen.set(key, index)
    if (columns[index] !== undefined || unknownText === undefined) return []
    return [{ kind: 'unknown', text: unknownText(name, index) }]
  })
}

function repeated(name: string, index: number, earlierName: string, earlier: number): HeaderProblem {
  const text = `column ${index + 1}, ${quoted(name)}, repeats column ${earlier + 1}, ${quoted(earlierName)}: rename or remove one`
  return { kind: 'repeated', text }
}

function mapProblems(columns: Layout, columnMap: ReadonlyMap<ColumnName, string>): HeaderProblem[] {
  return [...columnMap]
    .filter(([column]) => !columns.includes(column))
    .map(([column, name]) => ({
      kind: 'missing',
      text: `?map=${column} names ${quoted(name)}, which the header does not have for it`,
    }))
}

/** The problems as a text of at most 1,500 bytes, whatever the names are. */
export function headerDetail(
  problems: readonly HeaderProblem[],
  charset: Charset,
  names: readonly string[],
): string {
  const isUnknown = problems.some(({ kind }) => kind === 'unknown')
  const closing =
    // No name of a column has one: these are values, and the line ends before them are gone.
    (names.some((name) => name.includes('@'))
      ? ' Were the line breaks taken out on the way? curl -d does that: send the file with --data-binary.'
      : '') +
    (isUnknown ? ' With ?unknown=echo unknown columns are passed through.' : '') +
    (charset.kind === 'utf-8' ? '' : ` The upload was read as ${charset.name}.`)
  let detail = 'The header cannot be read: '
  let listed = 0
  for (const { text } of problems.slice(0, LISTED)) {
    const longer = `${detail}${listed === 0 ? '' : '; '}${text}`
    if (Buffer.byteLength(longer) > DETAIL_BYTES - CLOSING_BYTES) break
    detail = longer
    listed += 1
  }
  const more = problems.length - listed
  return `${detail}${more === 0 ? '' : `; and ${more} more`}.${closing}`
}
