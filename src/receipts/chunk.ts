import type { AnsweredRow, AnswerReader, RowWriter } from '../import/answer.ts'
import type { Disposition } from '../import/row.ts'
import type { Counts } from './counts.ts'

/** What is kept of a batch: its rows as CSV, and apart what CSV leaves out. */
export interface StoredChunk {
  /** The number of its first row. */
  readonly firstRow: number
  /** The text of its rows, in UTF-8. */
  readonly answer: Buffer
  /** {@link Notes} as JSON, in UTF-8. */
  readonly notes: Buffer
}

/** A chunk that is being stored, with what it adds to the counts. */
export interface Chunk extends StoredChunk {
  readonly counts: Counts
}

type Fault = AnsweredRow['faults'][number]
type Records = ReturnType<AnswerReader['records']>

/** What the text of a chunk does not tell. */
interface Notes {
  /** A letter for each row; see {@link letters}. */
  readonly dispositions: string
  /** The ids of the users whom rows mean, one after the other, where the text does not hold them. */
  readonly ids?: string
  /** Of each row that is invalid: its place, where its text begins and ends in UTF-16 code units, and its faults. */
  readonly invalid: readonly (readonly [row: number, start: number, end: number, faults: readonly Fault[]])[]
  /** Of each row that changed somebody: its place and the columns. */
  readonly changed: readonly (readonly [row: number, columns: readonly string[]])[]
}

const letters: Readonly<Record<Disposition, string>> = {
  created: 'c',
  updated: 'u',
  unchanged: 'n',
  invalid: 'i',
  skipped: 's',
}

const dispositions = new Map(
  Object.entries(letters).map(([disposition, letter]) => [letter, disposition as Disposition]),
)

/** Collects the rows of a batch until they are a chunk. */
export class ChunkBuilder {
  readonly #writer: RowWriter
  #text = ''
  #dispositions = ''
  #firstRow = 0
  #ids: string[] = []
  #invalid: Notes['invalid'][number][] = []
  #changed: Notes['changed'][number][] = []
  readonly #counts = { created: 0, updated: 0, unchanged: 0, invalid: 0, skipped: 0 }

  /** @param writer - writes a row as CSV */
  constructor(writer: RowWriter) {
    this.#writer = writer
  }

  add(rows: readonly AnsweredRow[]): void {
    this.#firstRow ||= rows[0]?.number ?? 0
    for (const row of rows) {
      const start = this.#text.length
      this.#text += this.#writer.row(row)
      const place = this.#dispositions.length
      this.#dispositions += letters[row.disposition]
      this.#counts[row.disposition] += 1
      if (row.disposition === 'invalid') this.#invalid.push([place, start, this.#text.length, row.faults])
      else if (row.changed.length > 0) this.#changed.push([place, row.changed])
      if (row.id !== null) this.#ids.push(row.id)
    }
  }

  build(): Chunk {
    const notes: Notes = {
      dispositions: this.#dispositions,
      ...(this.#writer.showsIds ? {} : { ids: this.#ids.join(' ') }),
      invalid: this.#invalid,
      changed: this.#changed,
    }
    return {
      firstRow: this.#firstRow,
      answer: Buffer.from(this.#text),
      notes: Buffer.from(JSON.stringify(notes)),
      counts: this.#counts,
    }
  }
}

const notesOf = ({ notes }: Pick<StoredChunk, 'notes'>): Notes => JSON.parse(notes.toString()) as Notes

/** The faults of all rows of a chunk, row by row. Its text is not needed. */
export function faultsOf(chunk: Pick<StoredChunk, 'notes'>): readonly Fault[] {
  return notesOf(chunk).invalid.flatMap(([, , , faults]) => faults)
}

/** The text of those rows of a chunk that are invalid. */
export function invalidText(chunk: StoredChunk): string {
  const { invalid } = notesOf(chunk)
  if (invalid.length === 0) return ''
  const text = chunk.answer.toString()
  return invalid.map(([, start, end]) => text.slice(start, end)).join('')
}

/** The ids of the users whom the rows of a chunk mean, row by row; `null` where a row means nobody. */
export function meantUsers(chunk: StoredChunk, read: AnswerReader): readonly (string | null)[] {
  const notes = notesOf(chunk)
  // Taking the text apart is most of the work, and needed only where it holds the ids.
  return idsOf(notes, read, notes.ids === undefined ? read.records(chunk.answer.toString()) : [])
}

function idsOf(notes: Notes, read: AnswerReader, records: Records): readonly (string | null)[] {
  const ids = notes.ids?.split(' ').values()
  return Array.from(notes.dispositions, (letter, row) => {
    if (letter === letters.invalid || letter === letters.skipped) return null
    return ids === undefined ? read.id(records[row] ?? []) : ids.next().value || null
  })
}

/** The rows of a chunk as they were answered. */
export function answeredRows(chunk: StoredChunk, read: AnswerReader): readonly AnsweredRow[] {
  const notes = notesOf(chunk)
  const records = read.records(chunk.answer.toString())
  const ids = idsOf(notes, read, records)
  const faults = new Map(notes.invalid.map(([row, , , faults]) => [row, faults]))
  const changed = new Map(notes.changed)
  return records.map((cells, row): AnsweredRow => ({
    number: chunk.firstRow + row,
    disposition: dispositions.get(notes.dispositions[row] ?? '') ?? 'invalid',
    faults: faults.get(row) ?? [],
    id: ids[row] ?? null,
    cells: read.cells(cells),
    changed: changed.get(row) ?? [],
  }))
}
