import { setImmediate } from 'node:timers/promises'
import { inBatches, type BatchSizes } from './batches.ts'
import { afterAnswered, type AnsweredRows } from './recall.ts'
import type { JudgedRow, Row, Verdict } from './row.ts'
import { Saver, type SaverParts } from './save.ts'

/** Everything that an import needs. */
export interface ImportParts<R> extends SaverParts<R> {
  /** Tells of a row what can be told without the database. */
  readonly judge: (row: Row) => Verdict
  /**
   * Tells of a row that an earlier run has saved what its keys are. Its other cells were good: whatever day it is by now,
   * and whatever other rules say by now, they need not be asked again. Default: `judge`.
   */
  readonly recalling?: (row: Row) => Verdict
  readonly batches: BatchSizes
  /** The first rows, where an earlier run has answered them: they are read, remembered and not saved again. */
  readonly answered?: AsyncIterable<AnsweredRows> | undefined
}

// Rows that are judged in one go, a quarter of a millisecond. In between the event loop turns, so that the batch
// that is being saved gets its next statement: judging then takes place while the database works.
const SLICE = 50

/**
 * Imports rows: each is judged, the good ones are saved, batch by batch, together with the record of what became of
 * each row. While a batch is being saved the one before it is handed on and the one after it is judged.
 *
 * @param rows - the rows of the upload in blocks of any size; its failure ends the import
 * @returns the records of the batches that it saves, in order, each after its batch is committed
 * @throws ServiceError If the database can't be reached. What was yielded before is durable.
 */
export async function* importRows<R>(
  rows: AsyncIterable<readonly Row[]>,
  { judge, recalling = judge, batches, answered, ...parts }: ImportParts<R>,
): AsyncGenerator<R> {
  const saver = new Saver(parts)
  const left = answered === undefined ? rows : afterAnswered(rows, answered, recallTo(saver, recalling))
  yield* oneAhead(saved(inBatches(judged(left, judge), batches, lengthOf), saver))
}

/** Makes what tells the saver of an answered row that means a user. */
function recallTo<R>(saver: Saver<R>, judge: (row: Row) => Verdict): (row: Row, id: string) => void {
  return (row, id) => {
    const verdict = judge(row)
    if (verdict.kind !== 'candidate')
      throw new RangeError(`row ${row.number} was imported and is ${verdict.kind} now`)
    saver.recall(row.number, verdict.candidate, id)
  }
}

function lengthOf({ row: { cells } }: JudgedRow): number {
  let length = 0
  for (const cell of cells) length += cell.length
  return length
}

async function* saved<R>(batches: AsyncIterable<readonly JudgedRow[]>, saver: Saver<R>): AsyncGenerator<R> {
  for await (const batch of batches) yield* await saver.save(batch)
}

/** Begins the next batch before it hands on the last: whoever takes that does so while the database works. */
async function* oneAhead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = source.next()
  try {
    for (;;) {
      const result = await next
      if (result.done === true) return
      next = source.next()
      // Whoever asks for it is told of its failure; until then it must not count as unhandled.
      next.catch(() => undefined)
      yield result.value
    }
  } finally {
    await source.return(undefined)
  }
}

async function* judged(
  blocks: AsyncIterable<readonly Row[]>,
  judge: (row: Row) => Verdict,
): AsyncGenerator<readonly JudgedRow[]> {
  for await (const block of blocks) {
    for (let start = 0; start < block.length; start += SLICE) {
      yield block.slice(start, start + SLICE).map((row) => ({ row, verdict: judge(row) }))
      await setImmediate()
    }
  }
}
