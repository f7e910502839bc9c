import { isUtf8 } from 'node:buffer'
import { charsetCure } from '../users/faults.ts'
import type { Charset, ReadCharset } from './charset.ts'
import { encode } from './decoders.ts'
import { sentBytes } from './escapes.ts'

/** The charset as a sentence for people names it. */
export function labelOf({ name }: Charset): string {
  return name === 'utf-8' ? 'UTF-8' : name
}

// At least two characters of two bytes side by side, and no byte above ASCII outside of such pairs:
// in a language that is written with the Latin alphabet accented letters seldom stand in such company.
const shiftJis = /^(?:[\0-\x7F]|[\x81-\x9F\xE0-\xEF][\x40-\x7E\x80-\xFC])*$/
const doubleBytes = /^(?:[\0-\x7F]|[\xA1-\xFE][\xA1-\xFE])*$/
const neighbours = /[\x80-\xFE][\x40-\xFE][\x80-\xFE][\x40-\xFE]/
const kana = /[\xA4\xA5][\xA1-\xF6]/
const hangul = /^(?:[\0-\x7F]|[\xB0-\xC8][\xA1-\xFE])*$/

// A word of a capital and small letters, as windows-1251 and windows-1253 have them at the same places; what is a
// small letter of Greek with an accent is a capital of Cyrillic.
const capitalized = /(?<![\x80-\xFF])[\xC0-\xDF][\xDC-\xFF]{2,}(?![\x80-\xBF])/
const greekAccent = /[\xC0-\xFF][\xDC-\xDF](?:[\xE0-\xFF]|(?![\x80-\xFF]))/

// Bytes that are no character of windows-1252, or make no sense there beside a Latin letter
const notOfWindows1252 = /[\x81\x8D\x8F\x90\x9D]/
const likeMacintosh = /[a-z](?:[\x83\x86-\x8C\x8E\x98\x9F]|[\x96\x97][a-z])/
const likeCentralEurope = /[A-Za-z][\xB3\xB9\xBF]|[\xA3\xA5\xAF][A-Za-z]/

/**
 * A guess at the charset of a text that holds bytes which are not of its own, for people: whoever wrote the file
 * may know better. `undefined` where nothing else seems likelier.
 */
export function likelyCharset(text: string, charset: Charset): string | undefined {
  // half a character is damage that no charset explains
  if (charset.kind === 'utf-16') return undefined
  const likely = likelyOf(bytesOf(text, charset))
  return likely === charset.name ? undefined : likely
}

/** What to do about a cell that holds bytes which are not of the upload's charset. */
export function cellCure(cell: string, charset: ReadCharset): string {
  return charsetCure(likelyCharset(cell, charset), charset.naming)
}

/** What to do about a header line that holds bytes which are not of the upload's charset. */
export function headerCure(header: string, charset: ReadCharset): string {
  // the whole upload, unlike a cell of one with a good header, may be no UTF-16 at all
  const mayBeOther = charset.kind === 'utf-16' && charset.naming !== 'never'
  const likely = mayBeOther && isText(bytesOf(header, charset)) ? 'utf-8' : likelyCharset(header, charset)
  return charsetCure(likely, charset.naming)
}

const bytesOf = (text: string, charset: Charset): string => sentBytes(text, (part) => encode(part, charset))

const isText = (bytes: string): boolean => !bytes.includes('\0') && isUtf8(Buffer.from(bytes, 'latin1'))

function likelyOf(bytes: string): string {
  if (isText(bytes)) return 'utf-8'
  if (capitalized.test(bytes)) return greekAccent.test(bytes) ? 'windows-1253' : 'windows-1251'
  if (neighbours.test(bytes)) {
    if (doubleBytes.test(bytes))
      return kana.test(bytes) ? 'euc-jp' : hangul.test(bytes) ? 'euc-kr' : 'gb18030'
    if (shiftJis.test(bytes)) return 'shift_jis'
  }
  if (likeCentralEurope.test(bytes)) return 'windows-1250'
  return notOfWindows1252.test(bytes) || likeMacintosh.test(bytes) ? 'macintosh' : 'windows-1252'
}
