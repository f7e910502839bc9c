/**
 * Text that was written as UTF-8, read as windows-1252 and saved so: `JosÃ©` for José. A name is refused for it, so
 * it must be certain. It is, where every character above ASCII belongs to a sequence that UTF-8 allows, and one of
 * them is in a place where no language has it.
 */

/** What windows-1252 has at 0x80 to 0x9F; the five places that it leaves free are read as control characters. */
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ'

/** The characters of the bytes 0x80 to 0xBF, of which UTF-8 makes the second and later ones of a sequence. */
const later = `[${windows1252}\u00A0-\u00BF]`

/** Of them those that are no apostrophes, closing quotation marks, dashes or dots, which may follow any word. */
const laterInWord = later.replace(/[…’“”–—‹›]/g, '')

const begins = new RegExp(`[\u00C2-\u00F4]${later}`)

const signs: readonly RegExp[] = [
  // a capital within a word, before what is no letter or a letter of another language
  new RegExp(`[a-z][ÃÄÅ]${laterInWord}`),
  /[a-z]Â[^\p{L}]/u,
  // accented letters: neither the end of a quotation nor a trade mark stands here
  /[ÃÄÅ][¡-©¬¯±-´¶¸¹¼-¿ƒˆ‰†‡˜]/,
  // dashes and quotation marks
  /â€/,
  // Words of Greek, Cyrillic, Armenian, Hebrew, Arabic, and of the scripts whose letters take three bytes each
  new RegExp(`(?:[ÃÄÅÎÏÐÑÒÔÕÖ×ØÙÚÛ]${later}){3}|(?:[à-ï]${later}{2}){2}`),
]

const strict = new TextDecoder('utf-8', { fatal: true })

/** What was meant by text that was certainly misread; `undefined` for all other text. */
export function meantBy(value: string): string | undefined {
  if (value.length > 2_000 || !begins.test(value)) return undefined
  const meant = signs.some((sign) => sign.test(value)) ? decoded(value) : undefined
  return meant === undefined || /[\p{Cc}\p{Cn}\p{Co}]/u.test(meant) ? undefined : meant
}

function decoded(value: string): string | undefined {
  const bytes = Array.from(value, byteOf)
  if (bytes.includes(undefined)) return undefined
  try {
    return strict.decode(Uint8Array.from(bytes as number[]))
  } catch {
    return undefined
  }
}

/** The byte of a character in windows-1252. */
function byteOf(character: string): number | undefined {
  const place = windows1252.indexOf(character)
  if (place !== -1) return 0x80 + place
  const code = character.codePointAt(0) ?? 0
  return code < 0x80 || (code >= 0xa0 && code <= 0xff) ? code : undefined
}
