import { setImmediate } from 'node:timers/promises'
import type { Chunk } from '../receipts/chunk.ts'
import type { ImportMode, UploadDigest, WholeResult } from '../receipts/receipt.ts'
import type { BatchStore } from '../users/user-directory.ts'
import type { Outcome } from './answer.ts'
import { AnswerDigest } from './answer-digest.ts'
import { importRows } from './import-rows.ts'
import type { AnnotatedRow } from './row.ts'
import type { Progress, RunParts } from './run-parts.ts'
import { Spool, ValueSpool } from './spool.ts'

/** What became of the rows, until it is known what good ones come to. */
type Kept = ValueSpool<readonly AnnotatedRow[]>

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
export async function importWhole(parts: WholeParts, progress: Progress): Promise<void> {
  const { receipt, upload, mode } = parts
  const received = await upload.received()
  await receipt.uploaded(received)
  const spool = await Spool.open()
  try {
    const kept = new ValueSpool<readonly AnnotatedRow[]>(spool)
    const isImported = await receipt.inOne<readonly AnnotatedRow[]>(
      async (store) => {
        await kept.clear()
        const invalid = await judgeAll(parts, store)
        return mode === 'dryRun' || invalid > 0 ? undefined : resultOf(parts, kept, received)
      },
      (rows) => kept.write(rows),
    )
    if (isImported) for await (const chunk of recorded(parts, kept, 'imported')) progress.stored(chunk)
    else await storeRefused(parts, kept, received, progress)
  } finally {
    await spool.close()
  }
}

/** The chunks of an import that is committed, and its receipt's last word, which is committed with it. */
function resultOf(parts: WholeParts, kept: Kept, upload: UploadDigest): WholeResult {
  const digest = new AnswerDigest(parts.digested)
  async function* chunks(): AsyncGenerator<Chunk> {
    for await (const chunk of recorded(parts, kept, 'imported')) {
      digest.add(chunk)
      yield chunk
    }
  }
  return { chunks: chunks(), ending: () => ({ upload, answerDigest: digest.value() }) }
}

/** Stores what would have become of the rows of which nothing is written. */
async function storeRefused(
  parts: WholeParts,
  kept: Kept,
  upload: UploadDigest,
  progress: Progress,
): Promise<void> {
  const { receipt, mode, digested } = parts
  if (mode === 'strict') await receipt.refuse()
  const digest = new AnswerDigest(digested)
  for await (const chunk of recorded(parts, kept, 'valid')) {
    await receipt.store.save(() => Promise.resolve({ record: chunk }))
    digest.add(chunk)
    progress.stored(chunk)
  }
  await receipt.finish({ upload, answerDigest: digest.value() })
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

async function* recorded({ recorder }: WholeParts, kept: Kept, outcome: Outcome): AsyncGenerator<Chunk> {
  const record = recorder(outcome)
  for await (const rows of kept.read()) {
    yield await record(rows)
    await setImmediate()
  }
}
