import { string, type StringSchema } from 'yup'
import { isUpTo } from './text.ts'

/** What the caller said about how to read the cells. */
export interface ReadingOptions {
  /** ISO 3166-1 alpha-2: where phone numbers without `+` are dialled. */
  readonly country?: string
  /** The order in dates like `5/4/1990`. */
  readonly dates?: 'dmy' | 'mdy'
  /** The latest date that it is anywhere on Earth, `YYYY-MM-DD`: no birthdate lies after it. */
  readonly today: string
}

/** The canonical form of a value, or `undefined` where the rule refuses it. */
export type Canonical = (value: string, options: ReadingOptions) => string | undefined

/** A yup schema that casts a value into its canonical form and refuses what has none. */
export function canonicalSchema(canonical: Canonical): (options: ReadingOptions) => StringSchema {
  return (options) =>
    string()
      .transform((value: string) => canonical(value, options) ?? value)
      .test('canonical', (value) => value !== undefined && canonical(value, options) !== undefined)
}

/** Text of at most `limit` characters. */
export function textUpTo(limit: number): () => StringSchema {
  return () => string().test('length', (value) => isUpTo(limit, value ?? ''))
}

/** One of a list of words in any letter case, cast into the spelling of the list. */
export function oneOf(words: readonly string[]): () => StringSchema {
  const spelling = new Map(words.map((word) => [word.toLowerCase(), word]))
  return () =>
    string()
      .transform((value: string) => spelling.get(value.toLowerCase()) ?? value)
      .oneOf(words)
}

const TRUE = ['true', '1', 'yes', 'y', 't']
const FALSE = ['false', '0', 'no', 'n', 'f']
// What a spreadsheet writes in German, French, Spanish, Italian, Dutch, Portuguese, Swedish, Danish, Polish, Czech.
const LOCAL_TRUE = 'wahr vrai verdadero vero waar verdadeiro sant sand prawda pravda'.split(' ')
const LOCAL_FALSE = 'falsch faux falso onwaar falskt falsk fałsz nepravda'.split(' ')
const truth = new Map([
  ...[...TRUE, ...LOCAL_TRUE].map((word) => [word, 'TRUE'] as const),
  ...[...FALSE, ...LOCAL_FALSE].map((word) => [word, 'FALSE'] as const),
])

/** A boolean in any of the spellings that spreadsheets write; canonical are `TRUE` and `FALSE`. */
export function boolean(): StringSchema {
  return string()
    .transform((value: string) => truth.get(value.toLowerCase()) ?? value)
    .oneOf(['TRUE', 'FALSE'])
}

/**
 * A URL taken apart, or `undefined` where it is none. Not `URL.canParse`: in Node 20, once it is compiled, it
 * refuses hosts with letters between U+0080 and U+00FF that it accepted before.
 */
export function parsedUrl(value: string): URL | undefined {
  try {
    return new URL(value)
  } catch {
    return undefined
  }
}

/** An absolute http or https URL. It is stored as it stands and never fetched. */
export function webAddress(limit: number): () => StringSchema {
  const parses = (value: string): boolean =>
    /^https?:\/\/[^/\\]/i.test(value) && parsedUrl(value) !== undefined
  return () =>
    textUpTo(limit)()
      .matches(/^\S+$/)
      .test('url', (value) => parses(value ?? ''))
}

/** How to mend a URL that was refused, where the cause is plain. */
export function webAddressHint(value: string): string | undefined {
  if (
    !/^(?:\/\/)?(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}{2,20}(?:[/:?#]\S{0,1000})?$/u.test(
      value,
    )
  ) {
    return undefined
  }
  const address = `https://${value.replace(/^\/\//, '')}`
  return parsedUrl(address) === undefined ? undefined : `write it with its beginning, such as ${address}`
}

const likeBooleans = new Set(
  'on off enabled disabled checked unchecked x ok active inactive -1 y. n. yes. no. ja nein oui non si sí sim não tak nie ano ne'.split(
    ' ',
  ),
)

/** How to mend a boolean that was refused, where the cause is plain. */
export function booleanHint(value: string): string | undefined {
  return likeBooleans.has(value.toLowerCase()) ? 'say TRUE or FALSE' : undefined
}
