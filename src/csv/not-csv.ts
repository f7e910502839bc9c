import { ServiceError } from '../errors.ts'

const signatures: readonly (readonly [bytes: string, what: string])[] = [
  ['PK\x03\x04', 'a ZIP archive'],
  ['PK\x05\x06', 'an empty ZIP archive'],
  ['\xD0\xCF\x11\xE0', 'an old Excel workbook (.xls)'],
  ['%PDF', 'a PDF document'],
  ['\x89PNG', 'a PNG image'],
  ['\xFF\xD8\xFF', 'a JPEG image'],
  ['GIF8', 'a GIF image'],
  ['\x1F\x8B', 'gzip (unpack it first)'],
  ['7z\xBC\xAF', 'a 7-Zip archive'],
  ['Rar!', 'a RAR archive'],
  ['{\\rtf', 'an RTF document'],
]

const isWorkbook = (start: string): boolean => /\[Content_Types\]\.xml|\bxl\/|_rels\//.test(start)

function binary(start: string): string | undefined {
  const what = signatures.find(([bytes]) => start.startsWith(bytes))?.[1]
  if (what === 'a ZIP archive' && isWorkbook(start)) return 'an Excel workbook (.xlsx)'
  if (what !== undefined) return what
  const line = /^[^\r\n]*/.exec(start)?.[0] ?? ''
  return line.includes('\0') ? 'binary data' : undefined
}

function markup(start: string): string | undefined {
  const text = start.trimStart()
  if (/^<(?:!doctype html|html|head|body|script|table)\b/i.test(text)) return 'an HTML page'
  if (/^<[?!a-z]/i.test(text)) return 'XML or HTML'
  return /^(?:\{\s*["}]|\[\s*[[{"\]])/.test(text) ? 'JSON' : undefined
}

const isUtf16 = (start: string): boolean =>
  /^(?:\xFF\xFE|\xFE\xFF)/.test(start) || /^(?:[^\0]\0){2}|^(?:\0[^\0]){2}/.test(start)

/**
 * Looks at the first bytes of an upload, after the byte-order mark, for what is certainly something else.
 *
 * @throws ServiceError `csv.not_csv` that says what was seen, or `charset.unsupported` for UTF-16
 */
export function refuseWhatIsNotCsv(bytes: Buffer): void {
  const start = bytes.toString('latin1', 0, 4096)
  if (isUtf16(start)) {
    throw new ServiceError('charset.unsupported', 'The upload looks like UTF-16; save it as CSV UTF-8.')
  }
  const seen = binary(start) ?? markup(start)
  if (seen === undefined) return
  throw new ServiceError('csv.not_csv', `The upload looks like ${seen}, not like CSV: save it as CSV UTF-8.`)
}
