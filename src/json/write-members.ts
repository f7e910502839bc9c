import { wordFor, type AnsweredRow, type AnswerOptions, type Outcome } from '../import/answer.ts'
import { memberProperties, type MemberProperty } from '../users/members.ts'

/** Writes the result of an import of members as JSON, piece by piece: the head, any number of rows, the tail. */
export interface MembersWriter {
  readonly head: string
  /** Members in the order of the result, as many at a time as there are. */
  readonly rows: (rows: readonly AnsweredRow[]) => string
  readonly tail: string
}

/**
 * Makes a writer of one result: `{"members":[…]}`, each member on a line of its own with its number, what became of
 * it, the user's id, its faults, and its seven properties, `null` where they were absent or blank.
 *
 * @param options - of the import's form; what only they leave out is for the caller to leave out
 */
export function createMembersWriter(options: AnswerOptions, outcome: Outcome): MembersWriter {
  const word = wordFor(options, outcome)
  const line = ({ number, disposition, faults, id, cells }: AnsweredRow): string =>
    JSON.stringify({
      member: number,
      disposition: word(disposition),
      id,
      faults: faults.map(({ column, code, message, value }) => ({ column, code, message, value })),
      ...Object.fromEntries(
        memberProperties.map((property, index) => [property.name, valueOf(property, cells[index] ?? '')]),
      ),
    })

  let separator = '\n'
  return {
    head: '{"members":[',
    rows: (rows) => {
      let text = ''
      for (const row of rows) {
        text += separator + line(row)
        separator = ',\n'
      }
      return text
    },
    tail: '\n]}\n',
  }
}

function valueOf({ type }: MemberProperty, cell: string): string | boolean | null {
  if (cell === '') return null
  return type === 'boolean' ? cell === 'true' : cell
}
