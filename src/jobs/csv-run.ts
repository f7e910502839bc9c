import { openCsv, type CsvOptions } from '../csv/read-csv.ts'
import { createJudge, createKeyJudge } from '../import/judge.ts'
import { meaningOfRows } from '../import/meaning.ts'
import type { Row } from '../import/row.ts'
import type { RunParts } from '../import/run-parts.ts'
import type { ColumnName } from '../users/columns.ts'
import type { Importer } from '../users/grants.ts'
import type { ReadingOptions } from '../users/rules.ts'
import { keptRun, type Run } from './run.ts'

/** What is asked of the import of a CSV file, beside how it is answered. JSON can hold it, for a worker. */
export interface CsvInstructions {
  readonly importer: Importer
  readonly reading: ReadingOptions
  readonly clearBlanks: boolean
  readonly csv: Omit<CsvOptions, 'columnMap'> & {
    readonly columnMap: readonly (readonly [ColumnName, string])[]
  }
}

/** How the file is to be read. */
export function csvOptions({ csv }: CsvInstructions): CsvOptions {
  return { ...csv, columnMap: new Map(csv.columnMap) }
}

/** The rows of a file whose header was understood before. */
export async function* csvRows(
  bytes: AsyncIterable<Buffer>,
  options: CsvOptions,
): AsyncGenerator<readonly Row[]> {
  yield* (await openCsv(bytes, options)).rows
}

/** What the engine needs to import a CSV file, while somebody waits for the answer or later. */
export function csvRun({ importer, reading, clearBlanks }: CsvInstructions, run: Run): RunParts {
  const judging = { reading, clearBlanks, role: importer.role }
  return {
    ...keptRun(run),
    importer,
    judge: createJudge(run.form.columns, judging),
    recalling: createKeyJudge(run.form.columns, judging),
    meaning: meaningOfRows,
  }
}
