/**
 * An apostrophe keeps a spreadsheet from taking a value for a formula. The export puts it there and the import
 * takes it off, so that a file goes out and comes back as it was. Values of the export's own form, apostrophes and
 * then what begins a formula, would lose one: they go out with each apostrophe doubled and one more. So what the
 * import changes is an odd number of apostrophes before such a character, and every value has a cell that means it.
 */
const guarded = /^'(?:'')*(?=[=+\-@\t\r\n])/
const guardable = /^(?:'(?:'')*)?(?=[=+\-@\t\r\n])/

/**
 * Numbers, and phone numbers of 7 to 15 digits (E.164) with an extension as RFC 3966 has it: as a formula they call
 * nothing and name no cell.
 */
const harmless = /^(?:[+-]\d+(?:[.,]\d+)*|\+\d(?:[ ().\/-]{0,3}\d){6,14}(?:;ext=\d{1,15})?)$/

/** The value that a cell means: an apostrophe before `=`, `+`, `-`, `@`, TAB, CR or LF is no part of it. */
export function unguarded(cell: string): string {
  return cell.startsWith("'") ? cell.replace(guarded, (marks) => marks.slice((marks.length + 1) / 2)) : cell
}

/**
 * The cell that means a value and is no formula. Numbers and phone numbers stay as they are.
 * {@link unguarded} gives the value back.
 */
export function guardedFormula(value: string): string {
  return harmless.test(value) ? value : value.replace(guardable, (marks) => `${marks}${marks}'`)
}
