import type { AnswerForm } from '../receipts/receipt.ts'
import { columnNames } from '../users/columns.ts'
import { halfCharacter, invalidValue, type Fault } from '../users/faults.ts'
import { memberProperties, type Member, type TextProperty } from '../users/members.ts'
import { cut, holdsHalfCharacter, withHalvesEscaped } from '../users/text.ts'
import type { Row } from './row.ts'

/** How the answer to members is kept: as CSV, a column for each property in the contract's order. */
export const memberForm: AnswerForm = {
  names: memberProperties.map(({ name }) => name),
  // A flag that stands for roles is no list of them, and never filled with one.
  columns: memberProperties.map(({ type, column }) =>
    type === 'string' ? columnNames.find((name) => name === column) : undefined,
  ),
  delimiter: ',',
  lineEnd: '\n',
  bom: false,
  charset: 'utf-8',
  options: { onlyInvalid: false, detailed: false, returnId: true },
}

// What is longer is refused whatever it is, and would only weigh on batches and results. In UTF-16 code units.
const LONGEST = 64 * 2 ** 10

/**
 * The row that a member is to the engine: a cell for each property, in the order of `memberProperties`. A string is
 * its own cell, blank where it is absent; a flag is `true`, `false` or blank. Half characters, which UTF-8 can not
 * hold, stand in the cell as `\uD83D` and are a fault; of a value over 64 Ki code units the cell has 100 code points.
 *
 * @param number - counts members from 1
 */
export function memberRow(member: Member, number: number): Row {
  const faults: Fault[] = []
  const cells = memberProperties.map((property) => {
    if (property.type === 'boolean') return String(member[property.name] ?? '')
    const value = member[property.name] ?? ''
    const fault = unkeepable(property, value)
    if (fault === undefined) return value
    faults.push(fault)
    return withHalvesEscaped(value.length > LONGEST ? cut(value) : value)
  })
  return { number, cells, faults }
}

/** What is wrong with a value that a cell can't hold as it is. */
function unkeepable(property: TextProperty, value: string): Fault | undefined {
  if (value.length > LONGEST) return invalidValue(property, value)
  return holdsHalfCharacter(value) ? halfCharacter(property.name, value) : undefined
}
