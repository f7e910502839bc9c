import { openCsv, type CsvOptions, type CsvUpload } from '../../src/csv/read-csv.ts'
import { ServiceError } from '../../src/errors.ts'
import type { Row } from '../../src/import/row.ts'

const defaults: CsvOptions = {
  columnMap: new Map(),
  echoUnknown: false,
  maxBytes: 256 * 1024 * 1024,
  maxRows: 5_000_000,
}

/** Delivers an upload in the given pieces, each in a turn of its own. */
// eslint-disable-next-line @typescript-eslint/require-await
export async function* inPieces(pieces: Iterable<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece
}

/** Delivers bytes in pieces of one size. */
export function bySize(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
  return pieces
}

type Upload = string | Uint8Array | Iterable<string | Uint8Array>

const piecesOf = (upload: Upload): Iterable<string | Uint8Array> =>
  typeof upload === 'string' || upload instanceof Uint8Array ? [upload] : upload

export function open(upload: Upload, options: Partial<CsvOptions> = {}): Promise<CsvUpload> {
  return openCsv(inPieces(piecesOf(upload)), { ...defaults, ...options })
}

/** The header and all rows. */
export async function read(upload: Upload, options: Partial<CsvOptions> = {}) {
  const { header, rows } = await open(upload, options)
  const all: Row[] = []
  for await (const some of rows) for (const row of some) all.push(row)
  return { header, rows: all, cells: all.map(({ cells }) => cells) }
}

/** The error with which reading ends. */
export async function refusal(upload: Upload, options: Partial<CsvOptions> = {}): Promise<ServiceError> {
  try {
    await read(upload, options)
  } catch (error) {
    if (error instanceof ServiceError) return error
    throw error
  }
  throw new Error('The upload was read.')
}

/** The sentences of all faults of a row. */
export const messages = (row: Row | undefined): string[] => row?.faults.map(({ message }) => message) ?? []

/** The codes of all faults of a row. */
export const codes = (row: Row | undefined): string[] => row?.faults.map(({ code }) => code) ?? []
