import type { AnswerColumns, AnswerOptions, AnswerWriter } from '../import/answer.ts'
import type { AnnotatedRow, Disposition } from '../import/row.ts'
import { columns } from '../users/columns.ts'
import { isBlank } from '../users/text.ts'

/** Writes the rows of an upload with what became of them, as one JSON object a line. */
export function createNdjsonWriter(header: AnswerColumns, options: AnswerOptions): AnswerWriter {
  const cells = header.names.flatMap((name, index) => (isBlank(name) ? [] : [namedCell(header, name, index)]))
  return {
    mediaType: 'application/x-ndjson',
    head: () => '',
    rows: (rows) => {
      let text = ''
      for (const row of rows) {
        if (!options.onlyInvalid || row.disposition === 'invalid') text += line(row, cells, options)
      }
      return text
    },
  }
}

/** A column of the header that has a name. */
interface NamedCell {
  readonly index: number
  /** Its name as a JSON key. Keys are joined as text: as one of an object `__proto__` would not be one. */
  readonly key: string
  readonly isId: boolean
  /** What a new user gets who leaves it blank. */
  readonly default: string | undefined
}

function namedCell({ columns: layout }: AnswerColumns, name: string, index: number): NamedCell {
  const column = columns.find((each) => each.name === layout[index])
  return { index, key: JSON.stringify(name), isId: column?.name === 'id', default: column?.default }
}

function line(annotated: AnnotatedRow, cells: readonly NamedCell[], options: AnswerOptions): string {
  const { row, disposition, faults, id, changed } = annotated
  const isImported = isOfUser(disposition) && options.dryRun !== true
  const facts = {
    row: row.number,
    disposition: dispositionWord(disposition, options),
    id,
    faults: faults.map(({ column, code, message, value }) => ({ column, code, message, value })),
    ...(options.detailed ? { changed } : {}),
  }
  let values = ''
  for (const cell of cells) {
    const value = valueOf(cell, annotated, isImported)
    values += `${values === '' ? '' : ','}${cell.key}:${value === '' ? '""' : JSON.stringify(value)}`
  }
  return `${JSON.stringify(facts).slice(0, -1)},"cells":{${values}}}\n`
}

/** The cell as it was sent, or what the service decided in the place of a blank one. */
function valueOf(cell: NamedCell, { row, disposition, id }: AnnotatedRow, isImported: boolean): string {
  const sent = row.cells[cell.index] ?? ''
  if (!isImported || !isBlank(sent)) return sent
  if (cell.isId) return id ?? sent
  return disposition === 'created' ? (cell.default ?? sent) : sent
}

const isOfUser = (disposition: Disposition): boolean => disposition !== 'invalid' && disposition !== 'skipped'

function dispositionWord(disposition: Disposition, options: AnswerOptions): string {
  if (options.detailed || !isOfUser(disposition)) return disposition
  return options.dryRun === true ? 'valid' : 'imported'
}
