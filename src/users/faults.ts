import { shown } from './text.ts'

/**
 * What is wrong with a value, or with a row. The code of a fault is `COLUMN.KIND`, or `row.KIND` for a row
 * as a whole; both are stable.
 */
export type FaultKind =
  | 'invalid'
  | 'required'
  | 'needs_provider_type'
  | 'control_character'
  | 'spreadsheet_error'
  | 'undecodable'
  | 'misread'
  | 'too_long'
  | 'unknown'
  | 'unique'
  | 'repeated'
  | 'differs'
  | 'forbidden'
  | 'surplus'
  | 'unnamed'
  | 'unclosed_quote'
  | 'text_after_quote'
  | 'refused'

/** A stable name of a fault, such as `email.invalid`. */
export type FaultCode = `${string}.${FaultKind}`

/** One reason why a row was refused. */
export interface Fault {
  readonly code: FaultCode
  /** The column as the contract spells it, or as the header did; `null` for the row as a whole. */
  readonly column: string | null
  /** The sentence that people read: what was wrong, where and, where the cause is plain, how to mend it. */
  readonly message: string
  /** The offending value, control characters as spaces, cut at 100 code points. */
  readonly value: string
}

/** How sentences call what is imported. */
export interface Wording {
  /** One of them; its number stands after it. */
  readonly one: 'row' | 'member'
  /** Where all of them are. */
  readonly among: string
  /** What to do where there is no value. */
  readonly leaveBlank: string
  /** The name under which the caller knows a column. */
  readonly nameOf: (column: string) => string
}

/** The words for the rows of a file. */
export const wordingOfRows: Wording = {
  one: 'row',
  among: 'in the file',
  leaveBlank: 'leave the cell blank',
  nameOf: (column) => column,
}

function sentence(must: string, value: string, comma: string, hint?: string): string {
  return `${must}${comma} but has ${shown(value)}${hint === undefined ? '' : ` (${hint})`}`
}

function fault(column: string, kind: FaultKind, value: string, message: string): Fault {
  return { code: `${column}.${kind}`, column, message, value: shown(value) }
}

/** What a column asks of a value, as far as a sentence needs it. */
export interface Asked {
  readonly name: string
  /** Completes «COLUMN must be …». */
  readonly rule: string
  /** Whether the rule lists its values; then the sentence does without the comma. */
  readonly lists?: boolean
}

/** A value that its column's rule refuses. */
export function invalidValue(column: Asked, value: string, hint?: string): Fault {
  const must = `${column.name} must be ${column.rule}`
  return fault(column.name, 'invalid', value, sentence(must, value, column.lists === true ? '' : ',', hint))
}

/** A control character, a line break where none may be, or a character that turns the direction of writing. */
export function controlCharacter(column: string, value: string): Fault {
  const must = `${column} must be without control characters`
  return fault(column, 'control_character', value, sentence(must, value, ','))
}

/** An error such as `#N/A` that a formula left in the cell. */
export function spreadsheetError(column: string, value: string, { leaveBlank } = wordingOfRows): Fault {
  const hint = `a formula of the spreadsheet failed: put a value there or ${leaveBlank}`
  return fault(column, 'spreadsheet_error', value, sentence(`${column} must be a value`, value, ',', hint))
}

/**
 * Where the sender of a file can name its charset: in its Content-Type; there too, but only if it comes without a
 * form; or nowhere, since its byte-order mark decides.
 */
export type CharsetNaming = 'content-type' | 'without-form' | 'never'

/** What to do about bytes that are not of their charset; `likely` is the charset that they seem to be of. */
export function charsetCure(likely: string | undefined, naming: CharsetNaming = 'content-type'): string {
  if (likely === undefined) return 'save the file as CSV UTF-8'
  if (naming === 'never') return `these bytes are likely ${likely}: save the file as CSV UTF-8`
  const save = likely === 'utf-8' ? '' : 'save it as CSV UTF-8, or '
  // without a space after the semicolon, which ends a fault
  const name =
    naming === 'content-type'
      ? `say charset=${likely} in its Content-Type`
      : `send it without a form, as Content-Type: text/csv;charset=${likely}`
  return `the file is likely ${likely}: ${save}${name}`
}

/** Bytes that are not of the upload's charset; the value shows each as `\xE9`, `cure` is of {@link charsetCure}. */
export function undecodable(column: string, value: string, charset: string, cure: string): Fault {
  return fault(column, 'undecodable', value, sentence(`${column} must be ${charset}`, value, ',', cure))
}

/** Half of a surrogate pair: no character. */
export function halfCharacter(column: string, value: string): Fault {
  return fault(column, 'undecodable', value, sentence(`${column} must be Unicode text`, value, ','))
}

/** Text whose bytes were taken for those of another charset before they came here, and what it likely was. */
export function misreadText(column: string, value: string, meant: string): Fault {
  const hint = `UTF-8 that a program read as windows-1252: is it ${shown(meant)}?`
  return fault(
    column,
    'misread',
    value,
    sentence(`${column} must be text as it was written`, value, ',', hint),
  )
}

/** A cell over the limit. `limit` names its unit, such as `64 KiB`. */
export function cellTooLong(column: string, value: string, limit: string): Fault {
  return fault(column, 'too_long', value, sentence(`${column} must be up to ${limit}`, value, ','))
}

/** A providerId that does not say whose it is. */
export function needsProviderType(value: string): Fault {
  const must = 'providerId must be given with a providerType'
  return fault('providerId', 'needs_provider_type', value, sentence(must, value, ','))
}

/** A new user without an e-mail address. */
export function emailRequired(): Fault {
  return fault('email', 'required', '', 'email is required for a new user')
}

/** A value that has to be there. */
export function requiredValue(column: string): Fault {
  return fault(column, 'required', '', `${column} is required`)
}

/** An id that no user of the organization has, whether it exists elsewhere or not. */
export function unknownId(value: string): Fault {
  const must = 'id must be the id of a user of this organization'
  return fault('id', 'unknown', value, sentence(must, value, ',', 'leave id blank to create a user'))
}

/** A key that another user of the organization has. */
export function notUnique(column: string, value: string): Fault {
  return fault(column, 'unique', value, `${column} must be unique, but another user has ${shown(value)}`)
}

/** A key that an earlier row of the file has. */
export function repeatedKey(
  column: string,
  value: string,
  row: number,
  { one, among } = wordingOfRows,
): Fault {
  const message = `${column} must be unique ${among}, but ${one} ${row} has ${shown(value)}`
  return fault(column, 'repeated', value, message)
}

/** A user whom an earlier row of the file means by another key. */
export function repeatedUser(
  column: string,
  value: string,
  row: number,
  { one, among } = wordingOfRows,
): Fault {
  const message = `${column} must mean a user once ${among}, but ${one} ${row} means the same user`
  return fault(column, 'repeated', value, message)
}

/** A key that differs from that of the user whom the weaker key `by` means. */
export function differentKey(column: string, value: string, stored: string, by: string): Fault {
  const must = `${column} must be ${shown(stored)}, which the user with this ${by} has`
  return fault(column, 'differs', value, sentence(must, value, ','))
}

/** A user whom the caller may not change. The sentence is the same whatever the row asks. */
export function forbiddenUser(column: string, value: string): Fault {
  const message = `${column} means a user whom only an organization_owner may change`
  return fault(column, 'forbidden', value, message)
}

/** A value that the caller may not set. */
export function forbiddenValue(column: string, value: string): Fault {
  const message = `${column} may be set so only by an organization_owner, but has ${shown(value)}`
  return fault(column, 'forbidden', value, message)
}

/** A row that takes the caller's own rights away. */
export function forbiddenOnSelf(column: string, value: string): Fault {
  const message = `${column} of your own user may only be taken away by another owner, but has ${shown(value)}`
  return fault(column, 'forbidden', value, message)
}

/** A row that leaves the organization without an active owner. */
export function lastOwner(column: string, value: string): Fault {
  const message = `${column} must leave the organization an active owner, but has ${shown(value)}`
  return fault(column, 'forbidden', value, message)
}

function rowFault(kind: FaultKind, value: string, message: string): Fault {
  return { code: `row.${kind}`, column: null, message, value: shown(value) }
}

/** More values than the header has columns. `surplus` holds them as they stood. */
export function surplusValues(surplus: string, values: number, columns: number): Fault {
  const message =
    `row must have up to ${columns} values, but has ${values}: after the last column stands ` +
    `${shown(surplus)} (a value that holds the delimiter must stand in quotes)`
  return rowFault('surplus', surplus, message)
}

/** A value under a blank name of the header. `position` counts from 1. */
export function unnamedColumn(position: number, value: string): Fault {
  const message = `column ${position} must have a name in the header, but has ${shown(value)} under a blank one`
  return rowFault('unnamed', value, message)
}

/** A record over the limit. `limit` names its unit. */
export function recordTooLong(line: number, limit: string): Fault {
  return rowFault('too_long', '', `row must be up to ${limit}, but the record on line ${line} is longer`)
}

/** A quote that opens on `line` and is never closed. */
export function unclosedQuote(line: number, value: string): Fault {
  const message = `row must close its quotes, but the quote that opens on line ${line} is never closed`
  return rowFault('unclosed_quote', value, `${message}, and has ${shown(value)}`)
}

/** A row that only the database refuses, by a rule of its own. */
export function refusedRow(rule: string, { one } = wordingOfRows): Fault {
  const message = `${one} must be one that the database takes, but its rule ${shown(rule)} refuses it`
  return rowFault('refused', rule, message)
}

/** Text between the quote that ends a value, on `line`, and the next delimiter. */
export function textAfterQuote(line: number, value: string): Fault {
  const must = `row must have a delimiter after the quote that ends a value on line ${line}`
  const hint = 'a quote inside a value is written twice'
  return rowFault('text_after_quote', value, sentence(must, value, ',', hint))
}

const isPermission = (each: Fault): boolean => each.code.endsWith('.forbidden')

/** The text of the `errors` cell: all faults of a row, those of permission last; empty where there is none. */
export function errorsText(faults: readonly Fault[]): string {
  const texts = (some: readonly Fault[]): string => some.map((each) => each.message).join('; ')
  const validation = faults.filter((each) => !isPermission(each))
  const permission = faults.filter(isPermission)
  return [
    ...(validation.length > 0 ? [`Validation error: ${texts(validation)}`] : []),
    ...(permission.length > 0 ? [`Permission error: ${texts(permission)}`] : []),
  ].join('; ')
}
