import { distance } from 'fastest-levenshtein'
import { columnNames, type ColumnName } from '../users/columns.ts'
import { comparable } from './header-names.ts'

/** As much of a name as is compared. */
const COMPARED = 40

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

/** The column that is nearest to a name that means none. */
export interface NearestColumn {
  readonly column: ColumnName
  /** Whether it may be meant: it is near, and nearer to no other name. */
  readonly isLikely: boolean
}

interface Pair {
  readonly key: string
  readonly column: ColumnName
  /** How many letters differ; none where other programs call it so. */
  readonly distance: number
}

/**
 * Finds for each name the nearest column. A column is likely for one of the names only, so that whoever follows all
 * hints at once gives none of them twice.
 *
 * @param keys - the names, as {@link comparable} has them
 * @param free - the columns that may still be named
 */
export function nearestColumns(
  keys: ReadonlySet<string>,
  free: readonly ColumnName[],
): ReadonlyMap<string, NearestColumn> {
  const pairs = [...keys].flatMap((key) => pairsOf(key, free.length > 0 ? free : columnNames))
  pairs.sort((one, other) => one.distance - other.distance)
  const found = new Map<string, NearestColumn>()
  const open = new Set(free)
  for (const pair of pairs) {
    if (!open.has(pair.column) || found.has(pair.key) || !isNear(pair)) continue
    found.set(pair.key, { column: pair.column, isLikely: true })
    open.delete(pair.column)
  }
  for (const { key, column } of pairs) if (!found.has(key)) found.set(key, { column, isLikely: false })
  return found
}

function pairsOf(key: string, columns: readonly ColumnName[]): Pair[] {
  const other = Object.hasOwn(otherNames, key) ? otherNames[key] : undefined
  const compared = key.slice(0, COMPARED)
  return columns.map((column) => ({
    key,
    column,
    distance: column === other ? 0 : distance(compared, comparable(column)),
  }))
}

/** Whether at least half of the longer of the two names is in the other. */
function isNear({ key, column, distance }: Pair): boolean {
  return distance * 2 <= Math.max(Math.min(key.length, COMPARED), column.length)
}
