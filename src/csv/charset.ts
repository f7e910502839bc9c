import { ServiceError } from '../errors.ts'
import type { CharsetNaming } from '../users/faults.ts'
import { cut, shown } from '../users/text.ts'

/** How an upload's text is written as bytes. */
export interface Charset {
  /** Its name at IANA, in lower case. */
  readonly name: string
  /** What its bytes are like: how characters are found in them, and how bytes that make none are. */
  readonly kind: 'utf-8' | 'utf-16' | 'single-byte' | 'multi-byte'
}

/** The charset as which an upload is read, and where its sender could have named another. */
export interface ReadCharset extends Charset {
  readonly naming: CharsetNaming
}

/** What is read if nothing says otherwise. */
export const utf8: Charset = { name: 'utf-8', kind: 'utf-8' }
const utf16le: Charset = { name: 'utf-16le', kind: 'utf-16' }
const utf16be: Charset = { name: 'utf-16be', kind: 'utf-16' }
/** UTF-16 of which only the bytes tell the order. */
const utf16: Charset = { name: 'utf-16', kind: 'utf-16' }

// Names without what is no letter or digit, as IANA and the Encoding Standard list them, and what programs write
const utf8Names = /^(?:utf8|unicode11utf8|unicode20utf8|xunicode20utf8|(?:us)?ascii|ansix341968|iso646us)$/
const windowsNames = /^(?:windows|cp|xcp|win|ms)(125[0-8])$/
const isoNames = /^(?:iso)?8859(1[0-6]|[1-9])[ei]?$/
const latinNames = /^(?:csiso)?(?:latin|l)(10|[1-9])$/
const latins = [1, 2, 3, 4, 9, 10, 13, 14, 15, 16]
const scripts = new Map([
  ['cyrillic', 5],
  ['arabic', 6],
  ['greek', 7],
  ['hebrew', 8],
])
const otherNames: readonly (readonly [name: string, others: RegExp])[] = [
  ['macintosh', /^(?:(?:cs)?macintosh|mac|x?macroman)$/],
  ['shift_jis', /^(?:(?:cs)?shiftjis|x?sjis|mskanji|(?:cs)?windows31j|(?:windows|ms|cp)932)$/],
  ['euc-jp', /^(?:x?eucjp|cseucpkdfmtjapanese|ujis)$/],
  [
    'gb18030',
    /^(?:gb18030|x?gbk|(?:cs)?gb2312|gb231280|(?:cs)?iso58gb231280|euccn|chinese|(?:windows|ms|cp)936)$/,
  ],
  ['big5', /^(?:(?:cn|cs|xx)?big5|big5hkscs|(?:windows|ms|cp)950)$/],
  ['euc-kr', /^(?:(?:cs)?euckr|(?:cs)?ksc5601(?:1987|1989)?|korean|uhc|(?:windows|ms|cp)949)$/],
]

/**
 * The charset that a name means, whatever its letter case, by any of its usual names: `latin1` is iso-8859-1,
 * `gbk` a part of gb18030, `us-ascii` a part of utf-8. `undefined` where it is none that can be read.
 */
export function charsetNamed(name: string): Charset | undefined {
  if (name.length > 40) return undefined
  const letters = name
    .toLowerCase()
    .replace(/:\d{4}$/, '')
    .replace(/[^a-z0-9]/g, '')
  if (utf8Names.test(letters)) return utf8
  if (/^(?:utf16|ucs2|csunicode|iso10646ucs2)$/.test(letters)) return utf16
  if (letters === 'utf16le') return utf16le
  if (letters === 'utf16be') return utf16be
  const windows = windowsNames.exec(letters)?.[1]
  if (windows !== undefined) return { name: `windows-${windows}`, kind: 'single-byte' }
  const part = isoPart(letters)
  // there is no part 12
  if (part !== undefined && part !== 12) return { name: `iso-8859-${part}`, kind: 'single-byte' }
  const other = otherNames.find(([, others]) => others.test(letters))?.[0]
  if (other === undefined) return undefined
  return { name: other, kind: other === 'macintosh' ? 'single-byte' : 'multi-byte' }
}

function isoPart(letters: string): number | undefined {
  const part = isoNames.exec(letters)?.[1]
  if (part !== undefined) return Number(part)
  const latin = latinNames.exec(letters)?.[1]
  return latin === undefined ? scripts.get(letters.replace(/^csisolatin/, '')) : latins[Number(latin) - 1]
}

/** The refusal of a charset that cannot be read. */
export function unsupportedCharset(name: string): ServiceError {
  const given = name === '' ? 'without a name' : shown(cut(name, 40))
  const detail =
    `Text in the charset ${given} is not taken. Save the file as CSV UTF-8, or name one of utf-8, ` +
    'utf-16le, utf-16be, windows-1250 to windows-1258, iso-8859-1 to iso-8859-16, macintosh, shift_jis, euc-jp, ' +
    'gb18030, big5 and euc-kr.'
  return new ServiceError('charset.unsupported', detail)
}

/** What the first bytes of an upload say of the others. */
export interface Beginning {
  readonly charset: Charset
  /** How many bytes its byte-order mark takes; 0 where there is none. */
  readonly markLength: number
}

const marks: readonly (readonly [mark: Buffer, charset: Charset])[] = [
  [Buffer.from([0xef, 0xbb, 0xbf]), utf8],
  [Buffer.from([0xff, 0xfe]), utf16le],
  [Buffer.from([0xfe, 0xff]), utf16be],
]

/** A byte-order mark decides, else what was declared, else it is UTF-8. Three bytes are enough to tell. */
export function beginningOf(bytes: Buffer, declared: Charset = utf8): Beginning {
  for (const [mark, charset] of marks) {
    if (bytes.subarray(0, mark.length).equals(mark)) return { charset, markLength: mark.length }
  }
  if (declared !== utf16) return { charset: declared, markLength: 0 }
  // Names of columns are of ASCII. Where nothing tells, RFC 2781 §4.3 takes the high byte to come first.
  const isLittleEndian = bytes[0] !== 0 && bytes[1] === 0
  return { charset: isLittleEndian ? utf16le : utf16be, markLength: 0 }
}
