import { ServiceError } from '../errors.ts'
import type { Row } from '../import/row.ts'
import { limitBytes, toBlocks } from './bytes.ts'
import { beginningOf, charsetNamed, unsupportedCharset, type Charset, type ReadCharset } from './charset.ts'
import { decode } from './decode.ts'
import { createDecoder } from './decoders.ts'
import type { Text } from './escapes.ts'
import { answerColumns, readHeader, type Header } from './header.ts'
import { nameReader, type HeaderOptions } from './header-names.ts'
import { readHeaderRecord } from './header-record.ts'
import { refuseOtherFiles, refuseOtherText, SIGNATURE_LENGTH } from './not-csv.ts'
import { RecordReader } from './record-reader.ts'
import { RowMaker } from './rows.ts'
import { toTexts } from './text-blocks.ts'

/** How an upload is read, and how large it may be. */
export interface CsvOptions extends HeaderOptions {
  /** The most bytes that are read. */
  readonly maxBytes: number
  /** The most rows that are read. */
  readonly maxRows: number
  /** What the request calls the charset, by any of its names; UTF-8 by default. A byte-order mark overrides it. */
  readonly charset?: string
  /** Whether the upload came in a form, where nothing names its charset. Default: no. It only words what is refused. */
  readonly inForm?: boolean
}

/** An upload whose header is understood. */
export interface CsvUpload {
  readonly header: Header
  /**
   * The rows, in arrays, each as soon as the bytes that hold them have come. Breaking out of it ends the upload's
   * own iterator. It throws a `ServiceError` when the upload is over a limit.
   */
  readonly rows: AsyncGenerator<readonly Row[]>
}

/**
 * Reads the header of an upload in CSV, and with it the dialect in which the rows are written.
 *
 * @throws ServiceError If it is no CSV (`csv.not_csv`), if its charset cannot be read (`charset.unsupported`) or its
 *   header not be understood (`csv.header`), or if it is over a limit before its first row
 */
export async function openCsv(bytes: AsyncIterable<Uint8Array>, options: CsvOptions): Promise<CsvUpload> {
  const limited = limitBytes(bytes, options.maxBytes)
  try {
    return await openLimited(limited, options)
  } catch (error) {
    // whoever would have read the rows never gets to release the upload
    await limited.return(undefined)
    throw error
  }
}

async function openLimited(limited: AsyncGenerator<Buffer>, options: CsvOptions): Promise<CsvUpload> {
  const declared = options.charset === undefined ? undefined : charsetNamed(options.charset)
  if (options.charset !== undefined && declared === undefined) throw unsupportedCharset(options.charset)
  const beginning = await firstBytes(limited)
  const { charset: read, markLength } = beginningOf(beginning, declared)
  const naming = markLength > 0 ? 'never' : options.inForm === true ? 'without-form' : 'content-type'
  const charset: ReadCharset = { ...read, naming }
  const start = beginning.subarray(markLength)
  refuseOtherFiles(start, charset)
  const texts = textsOf(withFirst(start, limited), charset)
  const first = await texts.next()
  if (first.done === true)
    throw new ServiceError('csv.header', 'The upload is empty: it needs a header line.')
  refuseOtherText(first.value.text)
  const record = await readHeaderRecord(withFirst(first.value, texts), nameReader(options.columnMap), charset)
  const header = readHeader(record, { ...options, charset, isMarked: markLength > 0 })
  const reader = new RecordReader({ ...record, width: record.names.length, line: record.nextLine })
  const maker = new RowMaker({
    header,
    charset,
    dropped: answerColumns(record.names),
    maxRows: options.maxRows,
  })
  return { header, rows: releasing(limited, readRows(withFirst(record.rest, texts), reader, maker)) }
}

/** As many chunks as tell what the upload is. */
async function firstBytes(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let first: Buffer = Buffer.alloc(0)
  while (first.length < SIGNATURE_LENGTH) {
    const next = await chunks.next()
    if (next.done === true) break
    first = first.length === 0 ? next.value : Buffer.concat([first, next.value])
  }
  return first
}

/** UTF-8 is cut into blocks before it is decoded, which spares it a copy; what else there is, afterwards. */
function textsOf(bytes: AsyncIterable<Buffer>, charset: Charset): AsyncGenerator<Text> {
  return charset.kind === 'utf-8' ? decodeAll(toBlocks(bytes)) : toTexts(bytes, createDecoder(charset))
}

async function* decodeAll(blocks: AsyncIterable<Buffer>): AsyncGenerator<Text> {
  for await (const block of blocks) yield decode(block)
}

/** No generator: it would cost every one of the others a turn. */
function withFirst<T>(first: T, others: AsyncGenerator<T>): AsyncIterableIterator<T, undefined> {
  let isFirst = true
  return {
    next: () => {
      if (!isFirst) return others.next()
      isFirst = false
      return Promise.resolve({ value: first })
    },
    return: () => others.return(undefined),
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

async function* readRows(
  texts: AsyncIterable<Text>,
  reader: RecordReader,
  maker: RowMaker,
): AsyncGenerator<readonly Row[]> {
  for await (const { text, damaged } of texts) {
    const rows = maker.rows(reader.read(text, damaged))
    if (rows.length > 0) yield rows
  }
  const rows = maker.rows(reader.end())
  if (rows.length > 0) yield rows
}

/** Ends the upload with its rows: whoever leaves after the first of them has not yet asked for a second block. */
async function* releasing<T>(bytes: AsyncGenerator<Buffer>, rows: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* rows
  } finally {
    await bytes.return(undefined)
  }
}
