import { columnIndex, columns, creationColumns, type ColumnName } from '../users/columns.ts'
import { forbiddenValue, requiredValue, type Fault } from '../users/faults.ts'
import { defaultOf, forbiddenRoles, type Importer } from '../users/grants.ts'
import { memberProperties, wordingOfMembers, type TextProperty } from '../users/members.ts'
import { trimmed } from '../users/text.ts'
import { keysOf, type Values } from '../users/user.ts'
import { CellJudge } from './judge-cell.ts'
import type { Row, Verdict } from './row.ts'

/** What of a user a row says. */
interface Said {
  readonly values: Values
  readonly onCreation: string[]
}

/** Puts what a cell says where it belongs; returns what is wrong with it. */
type Reader = (cell: string, said: Said) => Fault | undefined

const defaults = creationColumns.map(defaultOf)

/** Where the value of a column stands in what is said of a user. */
function placeOf(column: string): (said: Said, value: string) => void {
  const onCreation = creationColumns.findIndex(({ name }) => name === column)
  if (onCreation !== -1) {
    return (said, value) => {
      said.onCreation[onCreation] = value
    }
  }
  const index = columnIndex[column as ColumnName]
  return (said, value) => {
    said.values[index] = value
  }
}

function textReader(property: TextProperty): Reader {
  // No rule of theirs asks for the day.
  const judge = new CellJudge(property, { today: '' }, wordingOfMembers)
  const put = placeOf(property.column)
  return (cell, said) => {
    const judged = cell === '' ? cell : judge.judge(cell)
    if (typeof judged !== 'string') return judged
    if (judged !== '') put(said, judged)
    else if (property.required) return requiredValue(property.name)
    return undefined
  }
}

/** A flag of the account; the one that stands for roles gives one in any case. */
function flagReader(column: string, role: Importer['role']): Reader {
  const put = placeOf(column)
  if (column !== 'roles') {
    return (cell, said) => {
      if (cell !== '') put(said, cell === 'true' ? 'TRUE' : 'FALSE')
      return undefined
    }
  }
  return (cell, said) => {
    put(said, cell === 'true' ? 'organization_owner' : 'organization_member')
    const isForbidden = forbiddenRoles(role, said.values).length > 0
    return isForbidden ? forbiddenValue(wordingOfMembers.nameOf(column), cell || 'null') : undefined
  }
}

/**
 * Makes the judge of members, whose rows are those of `memberRow`.
 *
 * @returns a function that tells of a member what can be told without the database: every fault, in the order of the
 *   properties and by their names, or what the member asks his user to be
 */
export function createMemberJudge(role: Importer['role']): (row: Row) => Verdict {
  const readers = memberProperties.map((property) => ({
    name: property.name,
    read: property.type === 'string' ? textReader(property) : flagReader(property.column, role),
  }))

  return ({ cells, faults: known }) => {
    const said: Said = {
      values: new Array<string | undefined>(columns.length).fill(undefined),
      onCreation: defaults.slice(),
    }
    const faults: Fault[] = []
    for (const [position, { name, read }] of readers.entries()) {
      const already = known.find(({ column }) => column === name)
      const fault = already ?? read(trimmed(cells[position] ?? ''), said)
      if (fault !== undefined) faults.push(fault)
    }
    if (faults.length > 0) return { kind: 'faulty', faults }
    const { values, onCreation } = said
    return { kind: 'candidate', candidate: { values, keys: keysOf(values), onCreation } }
  }
}
