import { columnIndex, columns, type Column } from '../users/columns.ts'
import {
  emailRequired,
  needsProviderType,
  wordingOfRows,
  type Fault,
  type FaultCode,
} from '../users/faults.ts'
import { forbiddenOnNew, forbiddenRoles, type Importer } from '../users/grants.ts'
import type { ReadingOptions } from '../users/rules.ts'
import { shiftedColumn } from '../users/shifted.ts'
import { trimmed } from '../users/text.ts'
import { keysOf, type Values } from '../users/user.ts'
import { CellJudge } from './judge-cell.ts'
import type { Layout, Row, Verdict } from './row.ts'

/** How an import reads its rows. */
export interface JudgeOptions {
  readonly reading: ReadingOptions
  /** Whether a blank cell of a present column clears the stored value. */
  readonly clearBlanks: boolean
  readonly role: Importer['role']
}

/** Judges the cells of one column of the thirty. */
class ColumnJudge extends CellJudge {
  readonly index: number
  readonly isClearable: boolean
  readonly isKey: boolean

  constructor(column: Column, options: ReadingOptions) {
    super(column, options, wordingOfRows)
    this.index = columnIndex[column.name]
    this.isClearable = column.clearable
    this.isKey = ['id', 'slug', 'providerId', 'email'].includes(column.name)
  }
}

/** Says of a shifted row that it is, at the first of the values that were refused for it. */
function explainShift(
  found: Fault[],
  judges: readonly (ColumnJudge | undefined)[],
  { cells }: Row,
  layout: Layout,
): void {
  const refused = layout.filter((name) =>
    found.some(({ column, code }) => column === name && isRefusal(code)),
  )
  const shifted = shiftedColumn(layout, cells, refused)
  if (shifted === undefined) return
  const { position, hint } = shifted
  const fault = judges[position]?.refused(cells[position] ?? '', hint)
  const place = found.findIndex(({ code }) => code === fault?.code)
  if (fault !== undefined) found[place] = fault
}

const isRefusal = (code: FaultCode): boolean => code.endsWith('.invalid')

// A record that could not be taken apart has no cells worth judging.
const unreadable = new Set(['row.unclosed_quote', 'row.text_after_quote', 'row.too_long'])

/**
 * Makes the judge of an import's rows.
 *
 * @param layout - the columns of the upload, in its order
 * @returns a function that tells of a row what can be told without the database: every fault, or what the
 *   row asks its user to be
 */
export function createJudge(layout: Layout, options: JudgeOptions): (row: Row) => Verdict {
  const judges = layout.map((name) => {
    const column = columns.find((each) => each.name === name)
    return column === undefined ? undefined : new ColumnJudge(column, options.reading)
  })

  return (row) => {
    const { cells } = row
    const found = row.faults.length === 0 ? [] : [...row.faults]
    if (found.some(({ code }) => unreadable.has(code))) return { kind: 'faulty', faults: found }
    const known = found.map(({ column }) => column)
    const values: Values = new Array<string | undefined>(columns.length).fill(undefined)
    let blank = found.length === 0
    let keys = 0
    // A loop and no functions of its own: this runs for every cell.
    for (let position = 0; position < cells.length; position += 1) {
      const cell = cells[position] ?? ''
      const judge = judges[position]
      if (judge === undefined) {
        if (blank && trimmed(cell) !== '') blank = false
        continue
      }
      if (known.length > 0 && known.includes(judge.rule.name)) {
        if (judge.isKey) keys += 1
        continue
      }
      const judged = cell === '' ? cell : judge.judge(cell)
      if (judged === '') {
        if (options.clearBlanks && judge.isClearable) values[judge.index] = ''
        continue
      }
      blank = false
      if (judge.isKey) keys += 1
      if (typeof judged === 'string') values[judge.index] = judged
      else found.push(judged)
    }
    if (blank) return { kind: 'blank' }
    if (found.length > 1) explainShift(found, judges, row, layout)
    return verdictOf(values, keys, found, options.role)
  }
}

const keyColumns: Layout = ['id', 'slug', 'providerType', 'providerId', 'email']

/** Makes a judge that looks at nothing but the columns that say whom a row means. */
export function createKeyJudge(layout: Layout, options: JudgeOptions): (row: Row) => Verdict {
  return createJudge(
    layout.map((name) => (keyColumns.includes(name) ? name : undefined)),
    options,
  )
}

function verdictOf(values: Values, keys: number, found: Fault[], role: Importer['role']): Verdict {
  const providerId = values[columnIndex.providerId]
  const typeIsFaulty = found.some(({ column }) => column === 'providerType')
  if (providerId && values[columnIndex.providerType] === undefined && !typeIsFaulty) {
    found.push(needsProviderType(providerId))
  }
  // Without any key the row can only mean a new user, so these faults need no look into the database.
  if (keys === 0) found.push(emailRequired(), ...forbiddenOnNew(role, values))
  else found.push(...forbiddenRoles(role, values))
  if (found.length > 0) return { kind: 'faulty', faults: inOrder(found) }
  return { kind: 'candidate', candidate: { values, keys: keysOf(values) } }
}

function inOrder(faults: Fault[]): Fault[] {
  const place = ({ column }: Fault): number =>
    (columnIndex as Readonly<Record<string, number>>)[column ?? ''] ?? columns.length
  return faults.length === 1 ? faults : faults.sort((one, other) => place(one) - place(other))
}
