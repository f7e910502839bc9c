import type { Upload } from '../upload.ts'
import type { Reported } from './answer.ts'
import { Complaints, type Complaint } from './complaint.ts'
import type { Found } from './table.ts'

/** How many rows were reported imported, and how many of them are in the database as they were sent. */
export interface Kept {
  readonly complaints: readonly Complaint[]
  readonly reported: number
  readonly found: number
}

/** Checks P7: every row that was reported imported is stored, with its values and the id that was told. */
export function checkKept(reports: readonly Reported[], found: Found): Kept {
  const complaints = new Complaints()
  const rows = found.states.length
  let [reported, kept] = [0, 0]
  reports.forEach(({ imported, ids }) => {
    // of several uploads each user is as any of them left him
    for (let row = 0; row < rows; row += 1) {
      if (imported[row] !== 1) continue
      reported += 1
      if (found.states[row] === 0) {
        complaints.add(
          'P7 reported is stored',
          `row key ${row} was reported imported, and is not in the database`,
        )
      } else if (ids[row] !== 0 && ids[row] !== found.ids[row]) {
        complaints.add('P7 reported is stored', `row key ${row} was reported with another id than it has`)
      } else kept += 1
    }
  })
  return { complaints: complaints.all, reported, found: kept }
}

/**
 * Checks that what is stored of one upload is its beginning: rows are applied one after the other, and none that
 * was not sent whole.
 *
 * @param sent - how many records were sent whole
 * @param refused - rows that were reported as refused by the database
 */
export function checkBeginning(
  upload: Upload,
  { states }: Found,
  { sent = upload.rows, refused }: { readonly sent?: number; readonly refused: ReadonlySet<number> },
): readonly Complaint[] {
  const complaints = new Complaints()
  let missing: number | undefined
  for (let row = 0; row < upload.rows; row += 1) {
    if (!writes(upload, row)) continue
    if (states[row] === 0) {
      if (!refused.has(row)) missing ??= row
    } else if (row >= sent)
      complaints.add('P10 nothing invalid is stored', `row key ${row} was never sent whole`)
    else if (missing !== undefined)
      complaints.add('P8 nothing else changed', `row key ${row} is stored, and ${missing} before it is not`)
  }
  return complaints.all
}

/** Checks P9: after the file was sent again, everything is as after one clean run. */
export function checkCleanRun(upload: Upload, { states }: Found): readonly Complaint[] {
  const complaints = new Complaints()
  for (let row = 0; row < upload.rows; row += 1) {
    if (upload.after(row) !== undefined && states[row] === 0)
      complaints.add('P9 sent again, one clean run', `row key ${row} is not as the file has it`)
  }
  return complaints.all
}

/** Checks that the rows which are stored are those which the result says were imported, no more and no less. */
export function checkResultIsStored(
  upload: Upload,
  { imported }: Reported,
  { states }: Found,
): readonly Complaint[] {
  const complaints = new Complaints()
  for (let row = 0; row < upload.rows; row += 1) {
    if (writes(upload, row) && (states[row] !== 0) !== (imported[row] === 1))
      complaints.add('receipt', `row key ${row}: ${states[row] === 0 ? 'reported' : 'stored'} only`)
  }
  return complaints.all
}

/** Whether a row, once imported, leaves the table other than it was. */
const writes = (upload: Upload, row: number): boolean =>
  upload.kind(row) !== 'same' && upload.after(row) !== undefined
