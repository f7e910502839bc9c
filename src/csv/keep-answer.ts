import { setImmediate } from 'node:timers/promises'
import { answering, type Outcome } from '../import/answer.ts'
import type { ResultText } from '../import/answer-digest.ts'
import type { AnnotatedRow } from '../import/row.ts'
import type { EarlierRun, RunParts } from '../import/run-parts.ts'
import { ChunkBuilder, invalidText, meantUsers, type Chunk, type StoredChunk } from '../receipts/chunk.ts'
import type { AnswerForm } from '../receipts/receipt.ts'
import { createAnswerReader } from './read-answer.ts'
import { createCsvWriter, csvHead } from './write-csv.ts'

/** The text of a result as CSV: what is stored, or of it only the rows that are invalid. */
export function csvText(form: AnswerForm, onlyInvalid: boolean): ResultText {
  return { head: csvHead(form, form.options), text: onlyInvalid ? invalidText : ({ answer }) => answer }
}

/** How an import keeps its answer, whatever it is shown as: as CSV. To be spread among the parts of a run. */
export function keptAsCsv(form: AnswerForm): Pick<RunParts, 'recorder' | 'digested'> {
  return {
    recorder: (outcome) => recorder(form, outcome),
    digested: csvText(form, form.options.onlyInvalid),
  }
}

/** What an earlier run of an import has stored, for the one that goes on after it. */
export function earlierRun(form: AnswerForm, chunks: AsyncIterable<StoredChunk>): EarlierRun {
  const reader = createAnswerReader(form, form.options)
  return { chunks, meant: (chunk) => meantUsers(chunk, reader) }
}

// Rows that are rendered in one go, less than half a millisecond. In between the event loop turns, so that other
// requests, and the batch that is being stored, get their turn.
const SLICE = 100

/** Makes the chunks of an import: its rows as they are answered. */
function recorder(form: AnswerForm, outcome: Outcome): (rows: readonly AnnotatedRow[]) => Promise<Chunk> {
  const answered = answering(form.columns, outcome)
  const writer = createCsvWriter(form, form.options, outcome)
  return async (rows) => {
    const builder = new ChunkBuilder(writer)
    for (let start = 0; start < rows.length; start += SLICE) {
      builder.add(rows.slice(start, start + SLICE).map(answered))
      await setImmediate()
    }
    return builder.build()
  }
}
