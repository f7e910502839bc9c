import { closest } from 'fastest-levenshtein'
import type { Layout } from '../import/row.ts'
import { columnNames, type ColumnName } from '../users/columns.ts'
import { cut, isBlank, shown } from '../users/text.ts'
import type { Charset } from './charset.ts'
import { comparable, type HeaderOptions } from './header-names.ts'

const LISTED = 10
/** What keeps an answer with this detail under 2 kB. */
const DETAIL_BYTES = 1_500
/** Room for the last sentence, which says how many more there are. */
const CLOSING_BYTES = 160
const NAME_LENGTH = 40
const QUERY_LENGTH = 160

/** One thing that is wrong with a header. */
export interface HeaderProblem {
  readonly kind: 'unknown' | 'repeated' | 'missing'
  /** A clause without a full stop. */
  readonly text: string
}

/** Everything that is wrong with the names of a header, in their order. */
export function headerProblems(
  names: readonly string[],
  columns: Layout,
  options: HeaderOptions,
): HeaderProblem[] {
  const problems = [
    ...nameProblems(names, columns, options.echoUnknown),
    ...mapProblems(columns, options.columnMap),
  ]
  if (columns.some((column) => column === 'id' || column === 'slug' || column === 'email')) return problems
  const text = 'none of id, slug and email is there, and one of them must be: name it with ?map=email:NAME'
  return [...problems, { kind: 'missing', text }]
}

function nameProblems(names: readonly string[], columns: Layout, echoUnknown: boolean): HeaderProblem[] {
  const free = columnNames.filter((column) => !columns.includes(column))
  const seen = new Map<string, number>()
  return names.flatMap((name, index): HeaderProblem[] => {
    const key = comparable(name)
    const earlier = seen.get(key)
    if (isBlank(name)) return []
    if (earlier !== undefined) return [repeated(name, index, names[earlier] ?? '', earlier)]
    seen.set(key, index)
    return columns[index] === undefined && !echoUnknown ? [unknown(name, index, free)] : []
  })
}

const quoted = (name: string): string => `"${shown(cut(name, NAME_LENGTH))}"`

function unknown(name: string, index: number, free: readonly ColumnName[]): HeaderProblem {
  const nearest = nearestColumn(name, free.length > 0 ? free : columnNames)
  const query = queryFor(nearest, name)
  const hint = query === undefined ? '' : ` (${query})`
  return {
    kind: 'unknown',
    text: `column ${index + 1}, ${quoted(name)}, is unknown: is it ${nearest}?${hint}`,
  }
}

function repeated(name: string, index: number, earlierName: string, earlier: number): HeaderProblem {
  const text = `column ${index + 1}, ${quoted(name)}, repeats column ${earlier + 1}, ${quoted(earlierName)}: rename or remove one`
  return { kind: 'repeated', text }
}

/** What other programs call our columns; by its letters `Last Name` would be nearest to `name`. */
const otherNames: Readonly<Record<string, ColumnName>> = {
  firstname: 'givenName',
  forename: 'givenName',
  lastname: 'familyName',
  surname: 'familyName',
  fullname: 'name',
  displayname: 'name',
  username: 'preferredUsername',
  login: 'preferredUsername',
  mail: 'email',
  emailaddress: 'email',
  birthday: 'birthdate',
  dateofbirth: 'birthdate',
  dob: 'birthdate',
  phone: 'phoneNumber',
  telephone: 'phoneNumber',
  mobile: 'phoneNumber',
  street: 'addressLine1',
  address: 'addressLine1',
  city: 'addressCity',
  state: 'addressState',
  zip: 'addressPostal',
  zipcode: 'addressPostal',
  postcode: 'addressPostal',
  country: 'addressCountry',
  language: 'locale',
  timezone: 'zoneinfo',
  photo: 'picture',
  avatar: 'picture',
  employeeid: 'slug',
  externalid: 'slug',
}

function nearestColumn(name: string, candidates: readonly ColumnName[]): ColumnName {
  const other = Object.hasOwn(otherNames, comparable(name)) ? otherNames[comparable(name)] : undefined
  if (other !== undefined && candidates.includes(other)) return other
  const keys = candidates.map(comparable)
  const nearest = closest(comparable(cut(name, NAME_LENGTH)), keys)
  return candidates[keys.indexOf(nearest)] ?? 'email'
}

/** The query string that would help, unless it is too long to be of use. */
function queryFor(column: ColumnName, name: string): string | undefined {
  if (name.length > NAME_LENGTH) return undefined
  const query = `?map=${column}:${encodeURIComponent(name.trim())}`
  return query.length > QUERY_LENGTH ? undefined : query
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
export function headerDetail(problems: readonly HeaderProblem[], charset: Charset): string {
  const isUnknown = problems.some(({ kind }) => kind === 'unknown')
  const closing =
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
