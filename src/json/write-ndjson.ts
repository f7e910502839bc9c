import type { AnswerColumns, AnsweredRow, AnswerOptions, AnswerWriter } from '../import/answer.ts'
import { isBlank } from '../users/text.ts'

/** Writes the rows of an upload with what became of them, as one JSON object a line. */
export function createNdjsonWriter({ names }: AnswerColumns, { detailed }: AnswerOptions): AnswerWriter {
  // Keys are joined as text: as a key of an object `__proto__` would not be one.
  const keys = names.map((name) => (isBlank(name) ? undefined : JSON.stringify(name)))

  const line = ({ number, disposition, faults, id, cells, changed }: AnsweredRow): string => {
    const facts = {
      row: number,
      disposition,
      id,
      faults: faults.map(({ column, code, message, value }) => ({ column, code, message, value })),
      ...(detailed ? { changed } : {}),
    }
    const values = keys.flatMap((key, index) =>
      key === undefined ? [] : [`${key}:${JSON.stringify(cells[index] ?? '')}`],
    )
    return `${JSON.stringify(facts).slice(0, -1)},"cells":{${values.join(',')}}}\n`
  }

  return { mediaType: 'application/x-ndjson', head: () => '', rows: (rows) => rows.map(line).join('') }
}
