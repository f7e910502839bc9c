import { columnNames } from '../users/columns.ts'
import { guardedFormula } from '../users/formula.ts'

/** The header of an export: that of the template. */
export const usersHead = `${columnNames.join(',')}\n`

// Most cells begin with a letter or digit, so there is nothing to guard.
const mayNeedGuard = /^['=+\-@\t\r\n]/
const quotable = /[",\r\n]/

function cellOf(value: string): string {
  if (value === '') return value
  const cell = mayNeedGuard.test(value) ? guardedFormula(value) : value
  return quotable.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

/**
 * Users as records of CSV (RFC 4180, with the template's line ends), none of their cells a formula. The import
 * takes them as what they are.
 *
 * @param users - the values of each, in the order of `columns`
 */
export function userRecords(users: readonly (readonly string[])[]): string {
  let text = ''
  for (const values of users) {
    for (let column = 0; column < values.length; column += 1) {
      if (column > 0) text += ','
      text += cellOf(values[column] ?? '')
    }
    text += '\n'
  }
  return text
}
