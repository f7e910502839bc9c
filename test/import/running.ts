import { csvText, earlierRun, keptAsCsv } from '../../src/csv/keep-answer.ts'
import { createAnswerReader } from '../../src/csv/read-answer.ts'
import type { AnsweredRow, AnswerOptions } from '../../src/import/answer.ts'
import { runImport } from '../../src/import/run-import.ts'
import type { Progress, RunParts } from '../../src/import/run-parts.ts'
import type { Layout, Row } from '../../src/import/row.ts'
import { answeredRows, type Chunk, type StoredChunk } from '../../src/receipts/chunk.ts'
import type { AnswerForm, ImportMode, ReceiptWriter } from '../../src/receipts/receipt.ts'
import { inOneBlock, partsOf, type TestImport } from './builders.ts'

/** An import with a receipt, as a test asks for it. */
export interface RunAsked extends Omit<TestImport, 'users' | 'organizationId'> {
  readonly mode: ImportMode
  readonly receipt: ReceiptWriter
  /** The rows as they come; by default all of them. */
  readonly coming?: AsyncIterable<readonly Row[]>
  /** Resolves when the upload has come as a whole. */
  readonly received?: RunParts['upload']['received']
  /** How it is answered; by default in detail. */
  readonly options?: AnswerOptions
  /** The chunks of an earlier run, after which this one goes on. */
  readonly earlier?: AsyncIterable<StoredChunk> | undefined
}

/** With nothing left out and nothing added but the detail. */
const detailed: AnswerOptions = { onlyInvalid: false, detailed: true, returnId: false }

/** What is known of every upload here. */
export const uploaded = { bytes: 42, sha256: 'upload' }

/** The form of the answer to a layout. */
export const formOf = (layout: Layout, options = detailed): AnswerForm => ({
  names: layout.map((name, index) => name ?? `x${index}`),
  columns: layout,
  delimiter: ',',
  lineEnd: '\n',
  bom: false,
  charset: 'utf-8',
  options,
})

/** What is heard of an import, as it is heard. */
export class Heard implements Progress {
  readonly chunks: Chunk[] = []
  end: 'finished' | { readonly error: unknown } | undefined

  stored(chunk: Chunk): void {
    if (this.end !== undefined) throw new RangeError('a chunk after the end')
    this.chunks.push(chunk)
  }

  finished(): void {
    this.#ends('finished')
  }

  failed(error: unknown): void {
    this.#ends({ error })
  }

  #ends(end: NonNullable<Heard['end']>): void {
    if (this.end !== undefined) throw new RangeError('a second end')
    this.end = end
  }

  /** The rows that were answered. */
  rows(layout: Layout): AnsweredRow[] {
    return rowsIn(this.chunks, formOf(layout))
  }
}

/** The rows of chunks. */
export function rowsIn(chunks: readonly StoredChunk[], form: AnswerForm): AnsweredRow[] {
  const reader = createAnswerReader(form, form.options)
  return chunks.flatMap((chunk) => answeredRows(chunk, reader))
}

/** The text of a result as its digest has it. */
export function resultIn(chunks: readonly StoredChunk[], form: AnswerForm): string {
  const { head, text } = csvText(form, form.options.onlyInvalid)
  return [head, ...chunks.map((each) => text(each).toString())].join('')
}

/** Runs an import as a request does, without the request. */
export async function run(asked: RunAsked): Promise<{ heard: Heard; failure: unknown }> {
  const heard = new Heard()
  const failure = await runImport(runPartsOf(asked), heard)
  return { heard, failure }
}

function runPartsOf({
  mode,
  receipt,
  rows,
  coming,
  received,
  options,
  earlier,
  ...asked
}: RunAsked): RunParts {
  const form = formOf(asked.layout, options)
  return {
    ...partsOf(asked),
    mode,
    receipt,
    earlier: earlier && earlierRun(form, earlier),
    upload: {
      rows: coming ?? inOneBlock(rows),
      again: () => inOneBlock(rows),
      received: received ?? (() => Promise.resolve(uploaded)),
    },
    ...keptAsCsv(form),
  }
}
