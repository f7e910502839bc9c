import { ServiceError } from '../errors.ts'
import type { ReadCharset } from './charset.ts'

const GZIP = 'gzip'

const signatures: readonly (readonly [bytes: string, what: string])[] = [
  ['PK\x03\x04', 'a ZIP archive'],
  ['PK\x05\x06', 'an empty ZIP archive'],
  ['\xD0\xCF\x11\xE0', 'an old Excel workbook (.xls)'],
  ['%PDF', 'a PDF document'],
  ['\x89PNG', 'a PNG image'],
  ['\xFF\xD8\xFF', 'a JPEG image'],
  ['GIF8', 'a GIF image'],
  ['\x1F\x8B', GZIP],
  ['7z\xBC\xAF', 'a 7-Zip archive'],
  ['Rar!', 'a RAR archive'],
  ['{\\rtf', 'an RTF document'],
]

const isWorkbook = (start: string): boolean => /\[Content_Types\]\.xml|\bxl\/|_rels\//.test(start)

function signed(start: string): string | undefined {
  const what = signatures.find(([bytes]) => start.startsWith(bytes))?.[1]
  return what === 'a ZIP archive' && isWorkbook(start) ? 'an Excel workbook (.xlsx)' : what
}

function markup(start: string): string | undefined {
  const text = start.trimStart()
  if (/^<(?:!doctype html|html|head|body|script|table)\b/i.test(text)) return 'an HTML page'
  if (/^<[?!a-z]/i.test(text)) return 'XML or HTML'
  return /^(?:\{\s*["}]|\[\s*[[{"\]])/.test(text) ? 'JSON' : undefined
}

/** UTF-16 without a byte-order mark: the names of a header are of ASCII, so every other byte of it is zero. */
function unmarkedUtf16(start: string): string | undefined {
  if (/^(?:[^\0]\0){2}/.test(start)) return 'utf-16le'
  return /^(?:\0[^\0]){2}/.test(start) ? 'utf-16be' : undefined
}

const LOOKED_AT = 4096

/** How many of the first bytes are enough for {@link refuseOtherFiles}. */
export const SIGNATURE_LENGTH = 5

/**
 * Looks at the first bytes of an upload, after its byte-order mark, for what is certainly something else.
 *
 * @throws ServiceError `csv.not_csv` that says what was seen, or `charset.unsupported` for UTF-16 of which nothing
 *   said that it is
 */
export function refuseOtherFiles(bytes: Buffer, charset: ReadCharset): void {
  const start = bytes.toString('latin1', 0, LOOKED_AT)
  const seen = signed(start)
  if (seen !== undefined) throw notCsv(seen)
  const utf16 = charset.kind === 'utf-16' ? undefined : unmarkedUtf16(start)
  if (utf16 === undefined) return
  const detail =
    'The upload looks like UTF-16 without a byte-order mark: save it as CSV UTF-8, or send it ' +
    `${charset.naming === 'without-form' ? 'without a form, ' : ''}as Content-Type: text/csv; charset=${utf16}.`
  throw new ServiceError('charset.unsupported', detail)
}

/**
 * Looks at the beginning of the upload's text for what is certainly something else.
 *
 * @throws ServiceError `csv.not_csv` that says what was seen
 */
export function refuseOtherText(text: string): void {
  const start = text.slice(0, LOOKED_AT)
  const line = /^[^\r\n]*/.exec(start)?.[0] ?? ''
  const seen = line.includes('\0') ? 'binary data' : markup(start)
  if (seen !== undefined) throw notCsv(seen)
}

function notCsv(seen: string): ServiceError {
  const cure = seen === GZIP ? 'send it with Content-Encoding: gzip, or unpack it' : 'save it as CSV UTF-8'
  return new ServiceError('csv.not_csv', `The upload looks like ${seen}, not like CSV: ${cure}.`)
}
