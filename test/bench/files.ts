import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { columnNames, columns, type Column } from '../../src/users/columns.ts'
import { emailKey } from '../../src/users/email.ts'
import { canonicalRoles } from '../../src/users/roles.ts'
import { caseless } from '../../src/users/text.ts'
import { changedRowOf, rowOf, type Cells, type Shape } from './rows.ts'

/** One set of rows, written down in three ways. */
export interface Files {
  /** What the service is sent. */
  readonly upload: string
  /** The same rows with one profile cell changed in each; written only where it is asked for. */
  readonly changed: string
  readonly copy: Copy
}

/** What `\copy` is given: what the service would store, ids and canonical keys included. */
export interface Copy {
  readonly file: string
  /** Its columns, as the table has them. */
  readonly columns: readonly string[]
}

/** The columns of every file for `\copy`. */
export const copyColumns: readonly string[] = [
  'organization_id',
  ...columns.map(({ database }) => database),
  'slug_key',
  'email_key',
]

/** The organization of the benchmark. */
export const organization = { slug: 'bench', id: 1 } as const

/** Which rows to write down. */
export interface Wanted {
  readonly shape: Shape
  readonly rows: number
  /** Whether the changed rows are wanted too. */
  readonly changed: boolean
}

/** Writes the files, lends them to a function and removes them. */
export async function withFiles<T>(
  { shape, rows, changed }: Wanted,
  use: (files: Files) => Promise<T>,
): Promise<T> {
  return withFolder(async (at) => {
    const copy = { file: at('copy.csv'), columns: copyColumns }
    const files = { upload: at('upload.csv'), changed: at('changed.csv'), copy }
    await writeCsv(files.upload, columnNames, rows, (number) => uploaded(rowOf(shape, number)))
    if (changed)
      await writeCsv(files.changed, columnNames, rows, (number) => uploaded(changedRowOf(shape, number)))
    await writeCsv(copy.file, copy.columns, rows, (number) => stored(rowOf(shape, number), number))
    return await use(files)
  })
}

/** Lends a folder, as what makes paths in it, and removes it. */
export async function withFolder<T>(use: (at: (name: string) => string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'))
  try {
    return await use((name) => join(folder, name))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Record = (number: number) => readonly string[]

/** Writes a file of records that are numbered from 1. */
export async function writeCsv(
  file: string,
  header: readonly string[],
  rows: number,
  record: Record,
): Promise<void> {
  await pipeline(Readable.from(pieces(header, rows, record)), createWriteStream(file))
}

const PIECE = 1_000

function* pieces(header: readonly string[], rows: number, record: Record): Generator<string> {
  yield `${header.join(',')}\n`
  for (let first = 1; first <= rows; first += PIECE) {
    const length = Math.min(PIECE, rows - first + 1)
    yield Array.from(
      { length },
      (_, index) =>
        `${record(first + index)
          .map(quoted)
          .join(',')}\n`,
    ).join('')
  }
}

function quoted(cell: string): string {
  return /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

function uploaded(cells: Cells): readonly string[] {
  return columnNames.map((name) => cells[name] ?? '')
}

/** What `copyColumns` are for a row. */
export function stored(cells: Cells, number: number): readonly string[] {
  const keys = [caseless(cells.slug ?? ''), emailKey(cells.email ?? '')]
  const values = columns.map((column) =>
    column.name === 'id' ? idOf(number) : storedCell(column, cells[column.name]),
  )
  return [String(organization.id), ...values, ...keys]
}

function storedCell({ name, type, ...column }: Column, cell: string | undefined): string {
  const value = cell ?? column.default ?? (type === 'boolean' ? 'FALSE' : '')
  if (name === 'phoneNumber') return value.replaceAll(' ', '')
  return name === 'roles' ? `{${canonicalRoles(value) ?? ''}}` : value
}

/** As scattered as the ids that the service draws: the cost of the primary key is the same. */
function idOf(number: number): string {
  return `i${createHash('sha256').update(String(number)).digest('base64url').slice(0, 35)}`
}
