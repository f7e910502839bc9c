import { ServiceError } from '../errors.ts'
import type { Row } from '../import/row.ts'
import { limitBytes, toBlocks } from './bytes.ts'
import { decode, type Text } from './decode.ts'
import { answerColumns, readHeader, type Header } from './header.ts'
import { nameReader, type HeaderOptions } from './header-names.ts'
import { readHeaderRecord } from './header-record.ts'
import { refuseWhatIsNotCsv } from './not-csv.ts'
import { RecordReader } from './record-reader.ts'
import { RowMaker } from './rows.ts'

/** How an upload is read, and how large it may be. */
export interface CsvOptions extends HeaderOptions {
  /** The most bytes that are read. */
  readonly maxBytes: number
  /** The most rows that are read. */
  readonly maxRows: number
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
 * @throws ServiceError If it is no CSV (`csv.not_csv`, `charset.unsupported`), if its header cannot be understood
 *   (`csv.header`), or if it is over a limit before its first row
 */
export async function openCsv(bytes: AsyncIterable<Uint8Array>, options: CsvOptions): Promise<CsvUpload> {
  const blocks = toBlocks(limitBytes(bytes, options.maxBytes))
  try {
    return await openBlocks(blocks, options)
  } catch (error) {
    // whoever would have read the rows never gets to release the upload
    await blocks.return(undefined)
    throw error
  }
}

const BOM = Buffer.from('\uFEFF')

async function openBlocks(blocks: AsyncGenerator<Buffer>, options: CsvOptions): Promise<CsvUpload> {
  const first = await blocks.next()
  if (first.done === true)
    throw new ServiceError('csv.header', 'The upload is empty: it needs a header line.')
  const bom = first.value.subarray(0, 3).equals(BOM)
  const start = bom ? first.value.subarray(3) : first.value
  refuseWhatIsNotCsv(start)
  const texts = decodeAll(start, blocks)
  const record = await readHeaderRecord(texts, nameReader(options.columnMap))
  const header = readHeader(record, bom, options)
  const reader = new RecordReader({ ...record, width: record.names.length, line: record.nextLine })
  const maker = new RowMaker({ header, dropped: answerColumns(record.names), maxRows: options.maxRows })
  return { header, rows: releasing(blocks, readRows(withFirst(record.rest, texts), reader, maker)) }
}

async function* decodeAll(first: Buffer, blocks: AsyncIterable<Buffer>): AsyncGenerator<Text> {
  yield decode(first)
  for await (const block of blocks) yield decode(block)
}

async function* withFirst(first: Text, texts: AsyncIterable<Text>): AsyncGenerator<Text> {
  yield first
  yield* texts
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
async function* releasing<T>(blocks: AsyncGenerator<Buffer>, rows: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* rows
  } finally {
    await blocks.return(undefined)
  }
}
