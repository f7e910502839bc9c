import { setImmediate } from 'node:timers/promises'
import type { Fault } from '../users/faults.ts'
import { inBatches, type BatchSizes } from './batches.ts'
import { createJudge, type JudgeOptions } from './judge.ts'
import type { Decision } from './decision.ts'
import type { AnnotatedRow, Layout, Row, Verdict } from './row.ts'
import { Saver, type SaverParts } from './save.ts'

/** Everything that an import needs. */
export interface ImportParts extends SaverParts {
  readonly layout: Layout
  readonly judging: JudgeOptions
  readonly batches: BatchSizes
}

// Rows that are judged in one go, a quarter of a millisecond. In between the event loop turns, so that the batch
// that is being saved gets its next statement: judging then takes place while the database works.
const SLICE = 50

interface JudgedRow {
  readonly row: Row
  readonly verdict: Verdict
}

/**
 * Imports rows: each is judged, the good ones are saved, batch by batch, and every row comes back with what
 * became of it, in order, after its batch is committed. While a batch is being saved the one before it is handed
 * on and the one after it is judged.
 *
 * @param rows - the rows of the upload in blocks of any size; its failure ends the import
 * @throws ServiceError If the database can't be reached. What was yielded before is durable.
 */
export async function* importRows(
  rows: AsyncIterable<readonly Row[]>,
  { layout, judging, batches, ...parts }: ImportParts,
): AsyncGenerator<readonly AnnotatedRow[]> {
  const judge = createJudge(layout, judging)
  const saver = new Saver(parts)
  yield* oneAhead(saved(inBatches(judged(rows, judge), batches), saver))
}

async function* saved(
  batches: AsyncIterable<readonly JudgedRow[]>,
  saver: Saver,
): AsyncGenerator<readonly AnnotatedRow[]> {
  for await (const batch of batches) yield annotated(batch, await saver.save(candidatesOf(batch)))
}

/** Begins the next batch before it hands on the last: whoever renders that does so while the database works. */
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

function candidatesOf(batch: readonly JudgedRow[]) {
  return batch.flatMap(({ row, verdict }) =>
    verdict.kind === 'candidate' ? [{ row: row.number, candidate: verdict.candidate }] : [],
  )
}

function annotated(batch: readonly JudgedRow[], decisions: readonly Decision[]): readonly AnnotatedRow[] {
  let next = 0
  return batch.map(({ row, verdict }) => {
    if (verdict.kind === 'blank') return nothingOf(row, 'skipped', [])
    if (verdict.kind === 'faulty') return nothingOf(row, 'invalid', verdict.faults)
    const decision = decisions[next++]
    if (decision === undefined) throw new RangeError('every candidate has a decision')
    return annotatedBy(row, decision)
  })
}

const nothingOf = (row: Row, disposition: 'skipped' | 'invalid', faults: readonly Fault[]): AnnotatedRow => ({
  row,
  disposition,
  faults,
  id: null,
  changed: [],
})

const dispositions = { create: 'created', update: 'updated', unchanged: 'unchanged' } as const

function annotatedBy(row: Row, decision: Decision): AnnotatedRow {
  if (decision.kind === 'invalid') return nothingOf(row, 'invalid', decision.faults)
  const changed = decision.kind === 'update' ? decision.changed : []
  return { row, disposition: dispositions[decision.kind], faults: [], id: decision.user.id, changed }
}
