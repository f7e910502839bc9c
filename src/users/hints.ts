import type { ReadingOptions } from './rules.ts'

/** Tells how to mend a value that was refused; `undefined` where the cause is not plain. */
export type Hint = (value: string, options: ReadingOptions) => string | undefined

// 4.91E+11, as a spreadsheet writes a long number into a column that is too narrow, in any language
const rounded = /^[+-]?\d{1,3}(?:[.,]\d{1,20})?E\+?\d{1,3}$/i

const placeholders = new Set(
  '- -- --- . .. ... n/a na n.a. null (null) nil none (none) nan undefined (blank) <null> unknown tbd'.split(
    ' ',
  ),
)

/** Whether a value is what programs and people write where there is none, such as `n/a`. */
export const standsForNothing = (value: string): boolean => placeholders.has(value.toLowerCase())

/** What explains a refused value whatever its column asks. */
function commonHint(value: string, mayBeBlank: boolean): string | undefined {
  if (rounded.test(value)) {
    return 'a spreadsheet rounded this number: format the column as text and enter it again'
  }
  return mayBeBlank && standsForNothing(value) ? 'leave the cell blank where there is no value' : undefined
}

const isForeign = (letter: string): boolean =>
  !/\p{Script=Latin}/u.test(letter) || letter.normalize('NFKC') !== letter

/** A letter that only looks like the one that belongs into one of our words: of another alphabet, or a wide one. */
function lookAlikeHint(value: string): string | undefined {
  const letters = value.length > 200 ? [] : (value.match(/\p{L}/gu) ?? [])
  const foreign = letters.find(isForeign)
  // a word without any letter of the alphabet is another word
  if (foreign === undefined || !/[A-Za-z]/.test(value.normalize('NFKC'))) return undefined
  const point = foreign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0') ?? ''
  return `${foreign} in it is U+${point}, no letter from A to Z`
}

/** What a hint must know of its column. */
export interface Hinting {
  readonly name: string
  readonly type: string
  readonly lists?: true
  /** What the column itself knows of the values that people write by mistake. */
  readonly hint?: Hint
}

/** The hint of a column: what explains a refused value in any column, else its own. */
export function hintOf({ name, type, lists, hint }: Hinting): Hint {
  // a new user needs an e-mail address
  const mayBeBlank = name !== 'email'
  const hasOwnWords = lists === true || type === 'boolean'
  return (value, options) =>
    commonHint(value, mayBeBlank) ??
    hint?.(value, options) ??
    (hasOwnWords ? lookAlikeHint(value) : undefined)
}
