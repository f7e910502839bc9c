import { ServiceError } from '../errors.ts'
import type { Layout } from '../import/row.ts'
import type { Charset } from './charset.ts'
import type { Delimiter, LineEnd } from './dialect.ts'
import { headerProblems, headerDetail } from './header-problems.ts'
import { nameReader, type HeaderOptions } from './header-names.ts'
import type { HeaderRecord } from './header-record.ts'
import { COLUMN_LIMIT } from './limits.ts'

/** What an upload says of itself before its first row. */
export interface Header {
  /** The names as they were sent, without `disposition,errors` where they came first. */
  readonly names: readonly string[]
  /** What each of the names means. */
  readonly columns: Layout
  /** What separates the values. */
  readonly delimiter: Delimiter
  /** What ends the header line; a line feed where nothing does. */
  readonly lineEnd: LineEnd
  /** The charset of the upload: its name at IANA, in lower case. */
  readonly charset: string
  /** Whether the answer begins with a byte-order mark: the upload did so, or was not UTF-8. */
  readonly bom: boolean
}

/** What is known of an upload before its header. */
export interface ReadHeaderOptions extends HeaderOptions {
  readonly charset: Charset
  /** Whether it began with a byte-order mark. */
  readonly isMarked: boolean
}

/**
 * Understands the names of a header.
 *
 * @throws ServiceError `csv.header` that lists what is wrong with it, or `upload.too_many_columns`
 */
export function readHeader(record: HeaderRecord, options: ReadHeaderOptions): Header {
  const dropped = answerColumns(record.names)
  const names = record.names.slice(dropped)
  if (names.length > COLUMN_LIMIT) {
    const detail = `The header has ${names.length} columns; at most ${COLUMN_LIMIT} are accepted.`
    throw new ServiceError('upload.too_many_columns', detail)
  }
  const columns = names.map(nameReader(options.columnMap))
  const problems = headerProblems({ names, columns, dropped }, options)
  const { charset, isMarked } = options
  if (problems.length > 0) throw new ServiceError('csv.header', headerDetail(problems, charset, names))
  const { delimiter, lineEnd } = record
  const bom = isMarked || charset.kind !== 'utf-8'
  return { names, columns, delimiter, lineEnd, charset: charset.name, bom }
}

/** How many columns an answer of ours has before those of its upload: two if these names are of an answer, or none. */
export function answerColumns(names: readonly string[]): 0 | 2 {
  return names[0] === 'disposition' && names[1] === 'errors' ? 2 : 0
}
