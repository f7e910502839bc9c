import { ServiceError } from '../errors.ts'
import { looseCells, parsedCells } from './cells.ts'
import type { ReadCharset } from './charset.ts'
import { delimiters, headerStart, lineEndOf, type Delimiter, type LineEnd } from './dialect.ts'
import { isDamaged, type Text } from './escapes.ts'
import type { NameReader } from './header-names.ts'
import { RECORD_LIMIT } from './limits.ts'
import { headerCure, labelOf } from './likely-charset.ts'
import { afterLineEnd, lineEndsIn } from './lines.ts'
import { RecordScanner } from './scan-record.ts'

/** The first record of the upload, and what it tells of the others. */
export interface HeaderRecord {
  readonly names: readonly string[]
  readonly delimiter: Delimiter
  readonly lineEnd: LineEnd
  /** The line of the upload on which the next record begins. */
  readonly nextLine: number
  /** The text after it that came with it. */
  readonly rest: Text
}

interface Candidate {
  readonly delimiter: Delimiter
  readonly names: readonly string[]
  readonly known: number
  /** Where its line end stands in the text. */
  readonly end: number
}

/** Reads texts until the header is whole, and tells the delimiter from it. */
export async function readHeaderRecord(
  texts: AsyncIterator<Text>,
  read: NameReader,
  charset: ReadCharset,
): Promise<HeaderRecord> {
  const search = new HeaderSearch(read, charset)
  for (;;) {
    const next = await texts.next()
    const found = next.done === true ? search.end() : search.add(next.value)
    if (found !== undefined) return found
  }
}

interface Scan {
  readonly delimiter: Delimiter
  readonly scanner: RecordScanner
  found: Candidate | undefined
}

/** Follows the header with each delimiter at once: it may hold line breaks in quotes, and quotes need a delimiter. */
class HeaderSearch {
  readonly #read: NameReader
  readonly #charset: ReadCharset
  readonly #scans = delimiters.map((delimiter): Scan => ({
    delimiter,
    scanner: new RecordScanner(delimiter),
    found: undefined,
  }))
  #text = ''
  #start: number | undefined
  #damaged = false

  constructor(read: NameReader, charset: ReadCharset) {
    this.#read = read
    this.#charset = charset
  }

  add({ text, damaged }: Text): HeaderRecord | undefined {
    const from = this.#text.length
    this.#text += text
    this.#damaged ||= damaged
    const start = (this.#start ??= headerStart(text))
    for (const scan of this.#scans) {
      const end = scan.found === undefined ? endOf(scan.scanner, text, from, start) : -1
      if (end !== -1) scan.found = this.#candidate(scan, end)
    }
    const best = this.#best()
    const isClear =
      best !== undefined && (best.known > 0 || this.#scans.every(({ found }) => found !== undefined))
    if (isClear) return this.#record(best)
    if (this.#text.length > RECORD_LIMIT) throw tooLong()
    return undefined
  }

  end(): HeaderRecord {
    for (const scan of this.#scans) scan.found ??= this.#candidate(scan, this.#text.length)
    const best = this.#best()
    if (best === undefined || this.#text === '') throw blank()
    return this.#record(best)
  }

  #best(): Candidate | undefined {
    return this.#scans.reduce<Candidate | undefined>((best, { found }) => better(best, found), undefined)
  }

  #candidate({ delimiter, scanner }: Scan, end: number): Candidate {
    const { isMalformed, isOpen, literal } = scanner
    const header = this.#text.slice(this.#start, end)
    const cells = isMalformed || isOpen || literal || this.#damaged ? looseCells : parsedCells
    const names = cells(header, delimiter)
    const known = new Set(names.map(this.#read).filter((column) => column !== undefined)).size
    return { delimiter, names, known, end }
  }

  #record({ delimiter, names, end }: Candidate): HeaderRecord {
    const header = this.#text.slice(0, end)
    if (header.trim() === '') throw blank()
    if (isDamaged(header)) throw undecodableHeader(header, this.#charset)
    const rest = this.#text.slice(afterLineEnd(this.#text, end))
    const nextLine = lineEndsIn(header) + 2
    return {
      delimiter,
      names,
      lineEnd: lineEndOf(this.#text, end),
      nextLine,
      rest: { text: rest, damaged: this.#damaged },
    }
  }
}

/** Where the header ends in the whole text, of which `text` is the part at `from`; -1 where it goes on. */
function endOf(scanner: RecordScanner, text: string, from: number, start: number): number {
  let { stop, at } = scanner.scan(text, from === 0 ? start : 0)
  if (stop === 'text-after-quote') ({ stop, at } = scanner.scan(text, at))
  return stop === 'line-end' ? from + at : -1
}

function better(best: Candidate | undefined, next: Candidate | undefined): Candidate | undefined {
  if (best === undefined || next === undefined) return best ?? next
  if (next.known !== best.known) return next.known > best.known ? next : best
  return next.names.length > best.names.length ? next : best
}

const tooLong = (): ServiceError =>
  new ServiceError('csv.header', 'The header line is longer than 1 MiB: is a quote in it never closed?')

const blank = (): ServiceError =>
  new ServiceError(
    'csv.header',
    'The first line of the upload is blank: it must be the header, the names of the columns.',
  )

function undecodableHeader(header: string, charset: ReadCharset): ServiceError {
  const cure = headerCure(header, charset)
  return new ServiceError('csv.header', `The header line must be ${labelOf(charset)}, but is not; ${cure}.`)
}
