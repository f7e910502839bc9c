import {
  wordFor,
  type AnswerColumns,
  type AnsweredRow,
  type AnswerOptions,
  type Outcome,
} from '../import/answer.ts'
import { isBlank } from '../users/text.ts'

/** The media type of an answer with one JSON object a line. */
export const ndjsonType = 'application/x-ndjson'

/** Writes the rows of an upload with what became of them, as one JSON object a line. */
export function createNdjsonWriter(
  { names }: AnswerColumns,
  options: AnswerOptions,
  outcome: Outcome,
): (rows: readonly AnsweredRow[]) => string {
  const word = wordFor(options, outcome)
  // Keys are joined as text: as a key of an object `__proto__` would not be one.
  const keys = names.map((name) => (isBlank(name) ? undefined : JSON.stringify(name)))

  const line = ({ number, disposition, faults, id, cells, changed }: AnsweredRow): string => {
    const facts = {
      row: number,
      disposition: word(disposition),
      id,
      faults: faults.map(({ column, code, message, value }) => ({ column, code, message, value })),
      ...(options.detailed ? { changed } : {}),
    }
    const values = keys.flatMap((key, index) =>
      key === undefined ? [] : [`${key}:${JSON.stringify(cells[index] ?? '')}`],
    )
    return `${JSON.stringify(facts).slice(0, -1)},"cells":{${values.join(',')}}}\n`
  }

  return (rows) => {
    let text = ''
    for (const row of rows) text += line(row)
    return text
  }
}
