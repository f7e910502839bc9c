import type { ColumnName } from './columns.ts'
import { canonicalEmail } from './email.ts'
import { trimmed } from './text.ts'

type Looks = (value: string) => boolean

const matches =
  (pattern: RegExp): Looks =>
  (value) =>
    pattern.test(value)

const url = matches(/^https?:\/\/\S/i)
const flag = matches(/^(?:true|false|yes|no)$/i)

/** Values that show by themselves to which column they belong. Stricter than the rules: `1` is a boolean, too. */
const looks: Partial<Readonly<Record<ColumnName, Looks>>> = {
  providerType: matches(/^(?:local|google|saml2|provisioned)$/i),
  active: flag,
  status: matches(/^(?:invited|active|suspended)$/i),
  email: (value) => canonicalEmail(value) !== undefined,
  emailVerified: flag,
  phoneNumber: matches(/^\+\d[\d\s()./-]{6,30}$/),
  phoneNumberVerified: flag,
  profile: url,
  picture: url,
  website: url,
  birthdate: matches(/^\d{4}-\d\d-\d\d$/),
  roles: matches(/^organization_(?:owner|member|constituent)(?![^,;|\s])/i),
}

/** A value that stands where another one belongs. */
export interface Shifted {
  /** Where in the layout the column is to which it belongs. */
  readonly position: number
  /** What happened, and how to mend it. */
  readonly hint: string
}

const distances = [1, -1, 2, -2] as const

/**
 * Tells whether a row is plainly shifted: the values that its columns refuse stand next to where they belong, all on
 * the same side.
 *
 * @param layout - the columns of the upload, in its order
 * @param cells - the row's
 * @param refused - the columns whose values were refused, in the order of the layout
 */
export function shiftedColumn(
  layout: readonly (ColumnName | undefined)[],
  cells: readonly string[],
  refused: readonly (ColumnName | undefined)[],
): Shifted | undefined {
  if (refused.length < 2) return undefined
  const positions = refused.map((column) => layout.indexOf(column))
  const found = distances.map((distance) => ({
    distance,
    displaced: positions.filter((position) => belongs(layout[position], cells[position + distance])),
  }))
  const [best, next] = found.sort((one, other) => other.displaced.length - one.displaced.length)
  const position = best?.displaced[0]
  // where both sides fit alike, two columns have changed places
  if (best === undefined || position === undefined || best.displaced.length === next?.displaced.length) {
    return undefined
  }
  const isPlain = best.displaced.length > 1 || positions.includes(position + best.distance)
  if (!isPlain) return undefined
  return { position, hint: hintFor(layout[position + best.distance], best.distance) }
}

function belongs(column: ColumnName | undefined, cell: string | undefined): boolean {
  const looksSo = column === undefined ? undefined : looks[column]
  return looksSo !== undefined && cell !== undefined && cell !== '' && looksSo(trimmed(cell))
}

function hintFor(under: ColumnName | undefined, distance: number): string {
  const place = under === undefined ? 'in another column' : `under ${under}`
  const cure =
    distance > 0
      ? 'a value that holds the delimiter must stand in quotes'
      : 'a value, or the delimiter after a blank one, is missing before it'
  return `the row seems shifted, for what belongs here stands ${place}: ${cure}`
}
