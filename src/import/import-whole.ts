import { setImmediate } from 'node:timers/promises'
import type { Chunk } from '../receipts/chunk.ts'
import type { ImportMode } from '../receipts/receipt.ts'
import type { BatchStore } from '../users/user-directory.ts'
import type { Outcome } from './answer.ts'
import { importRows } from './import-rows.ts'
import type { AnnotatedRow } from './row.ts'
import type { RunParts } from './run-parts.ts'
import { Spool, ValueSpool } from './spool.ts'

/** What is imported as a whole or not at all. */
interface WholeParts extends RunParts {
  readonly mode: Exclude<ImportMode, 'each'>
}

/**
 * Runs all of an import in one transaction, which a strict import commits if no row is invalid and a dry run
 * never: so a dry run tells the truth by construction. The upload is received whole before, so that the transaction
 * never waits for it, and what became of the rows is kept in a temporary file until it is known what good rows
 * come to.
 */
export async function* importWhole(parts: WholeParts): AsyncGenerator<Chunk> {
  const { receipt, upload, mode } = parts
  await receipt.uploaded(await upload.received())
  const spool = await Spool.open()
  try {
    const kept = new ValueSpool<readonly AnnotatedRow[]>(spool)
    const isImported = await receipt.inOne<readonly AnnotatedRow[]>(
      async (store) => {
        await kept.clear()
        const invalid = await judgeAll(parts, store)
        return mode === 'dryRun' || invalid > 0 ? undefined : recorded(parts, kept, 'imported')
      },
      (rows) => kept.write(rows),
    )
    if (!isImported && mode === 'strict') await receipt.refuse()
    for await (const chunk of recorded(parts, kept, isImported ? 'imported' : 'valid')) {
      if (!isImported) await receipt.store.save(() => Promise.resolve({ record: chunk }))
      yield chunk
    }
  } finally {
    await spool.close()
  }
}

/** Runs the engine; returns how many rows are invalid. */
async function judgeAll(
  { upload, receipt, ...parts }: WholeParts,
  store: BatchStore<readonly AnnotatedRow[]>,
): Promise<number> {
  let invalid = 0
  const record = (rows: readonly AnnotatedRow[]): Promise<readonly AnnotatedRow[]> => Promise.resolve(rows)
  for await (const rows of importRows(upload.again(), { ...parts, store, record })) {
    invalid += rows.filter(({ disposition }) => disposition === 'invalid').length
    receipt.signal.throwIfAborted()
  }
  return invalid
}

async function* recorded(
  { recorder }: WholeParts,
  kept: ValueSpool<readonly AnnotatedRow[]>,
  outcome: Outcome,
): AsyncGenerator<Chunk> {
  const record = recorder(outcome)
  for await (const rows of kept.read()) {
    yield await record(rows)
    await setImmediate()
  }
}
