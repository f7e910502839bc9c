/**
 * White space around a value is not part of it, and neither is what looks like nothing: zero-width space,
 * non-joiner, joiner and word joiner. (`\s` covers the no-break spaces and the byte-order mark.)
 */
const nothing = /[\s\u180E\u200B-\u200D\u2060]/

/** Everything that Unicode calls a control character, and the separators that break a line. */
const controls = /[\u0000-\u001F\u007F-\u009F\u2028\u2029]/g

const ascii = /^[\u0000-\u007F]*$/

const isNothing = (character: string): boolean => nothing.test(character)

/**
 * The value without the white space around it. Two loops and no pattern: a pattern that looks for white
 * space before the end takes quadratic time on a cell that is full of it.
 */
export function trimmed(cell: string): string {
  let start = 0
  let end = cell.length
  while (start < end && isNothing(cell.charAt(start))) start += 1
  while (end > start && isNothing(cell.charAt(end - 1))) end -= 1
  return start === 0 && end === cell.length ? cell : cell.slice(start, end)
}

/** Whether a cell holds nothing but white space. An absent cell is blank. */
export function isBlank(cell: string | undefined): boolean {
  if (cell === undefined || cell === '') return true
  const first = cell.charCodeAt(0)
  return (first <= 0x20 || first >= 0x80) && trimmed(cell) === ''
}

/** Whether a value has at most `limit` characters, counted as code points. */
export function isUpTo(limit: number, value: string): boolean {
  if (value.length <= limit) return true
  return value.length <= 2 * limit && Array.from(value).length <= limit
}

/** The first `limit` code points of a value, ended by `…` where more follow. */
export function cut(value: string, limit = 100): string {
  if (value.length <= limit) return value
  const points = Array.from(value.slice(0, 2 * limit + 2))
  return points.length <= limit ? value : `${points.slice(0, limit).join('')}…`
}

/** Halves of surrogate pairs: UTF-8 has no bytes for them. */
const halves = /\p{Cs}/gu

/** Whether a value holds half of a surrogate pair, which JSON can say and UTF-8 can not. */
export function holdsHalfCharacter(value: string): boolean {
  return value.search(halves) !== -1
}

/** A value with each half of a surrogate pair as `\uD83D`, so that UTF-8 can hold it. */
export function withHalvesEscaped(value: string): string {
  return value.replace(halves, (half) => `\\u${half.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** A value as a sentence shows it: control characters as spaces, cut at 100 code points. */
export function shown(value: string): string {
  return withHalvesEscaped(cut(value).replace(controls, ' '))
}

/** The form in which slugs and the local parts of e-mail addresses are compared. */
export function caseless(value: string): string {
  if (ascii.test(value)) return value.toLowerCase()
  return value.normalize('NFC').toLowerCase().normalize('NFC')
}

/** Control characters and bidi overrides (UAX #9 explicit formatting): they hide what a value says. */
const hiding = /[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/

const hidingBesideLineBreaks =
  /[\u0000-\u0009\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/

/** Whether a value holds a character that no cell may hold. */
export function hidesSomething(value: string, lineBreaks: boolean): boolean {
  return (lineBreaks ? hidingBesideLineBreaks : hiding).test(value)
}
