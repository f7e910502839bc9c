import type { AnnotatedRow, Disposition } from './row.ts'

/** How many rows of an import came to each disposition. */
export type Report = Readonly<Record<Disposition, number>> & { readonly rows: number }

/** The report of an import that has not begun. */
export const emptyReport: Report = { rows: 0, created: 0, updated: 0, unchanged: 0, invalid: 0, skipped: 0 }

/** The report with some more rows. */
export function reported(report: Report, rows: readonly AnnotatedRow[]): Report {
  const sum = { ...report, rows: report.rows + rows.length }
  for (const { disposition } of rows) sum[disposition] += 1
  return sum
}
