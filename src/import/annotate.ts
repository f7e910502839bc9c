import type { Fault } from '../users/faults.ts'
import type { Decision } from './decision.ts'
import type { AnnotatedRow, JudgedRow, Row } from './row.ts'

/** Puts verdicts and decisions together: what became of each row of a batch. */
export function annotated(
  batch: readonly JudgedRow[],
  decisions: readonly Decision[],
): readonly AnnotatedRow[] {
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
