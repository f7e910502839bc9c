import { importedOf, rowsOf } from '../receipts/counts.ts'
import type { LetterStatus } from '../receipts/letter.ts'
import type { JobProgress, Receipt } from '../receipts/receipt.ts'
import { outcomeOf } from './answer-text.ts'

/**
 * A receipt as its callers see it.
 *
 * @param path - where it is found
 */
export function receiptJson(receipt: Receipt, path: string): object {
  const { counts, upload, answerDigest, reason, mode } = receipt
  return {
    id: receipt.id,
    state: receipt.state,
    ...(reason === undefined ? {} : { reason }),
    dryRun: mode === 'dryRun',
    strict: mode === 'strict',
    ...(mode === 'strict' ? { refused: receipt.refused } : {}),
    counts: { rows: rowsOf(counts), [outcomeOf(receipt)]: importedOf(counts), ...counts },
    caller: receipt.caller,
    callerEmail: receipt.callerEmail ?? null,
    createdAt: receipt.createdAt.toISOString(),
    endedAt: receipt.endedAt?.toISOString() ?? null,
    fileName: receipt.fileName ?? null,
    idempotencyKey: receipt.idempotencyKey ?? null,
    upload:
      upload === undefined
        ? null
        : { bytes: upload.bytes, sha256: Buffer.from(upload.sha256, 'base64').toString('hex') },
    // As the field Repr-Digest of RFC 9530 has it.
    resultDigest: answerDigest === undefined ? null : `sha-256=:${answerDigest}:`,
    result: receipt.erasedAt === undefined ? `${path}/result.csv` : null,
    resultDeletedAt: receipt.erasedAt?.toISOString() ?? null,
    ...(receipt.job === undefined ? {} : { progress: progressOf(receipt, receipt.job) }),
  }
}

/** The letters about an import, as its callers see them: without the address that they go to. */
export const lettersJson = (letters: readonly LetterStatus[]): readonly object[] =>
  letters.map(({ kind, state, attempts, sentAt, failure }) => ({
    kind,
    state,
    attempts,
    sentAt: sentAt?.toISOString() ?? null,
    failure: failure ?? null,
  }))

/** How far a worker has come. */
export function progressOf({ state, counts, endedAt }: Receipt, job: JobProgress): object {
  const rows = rowsOf(counts)
  const { startedAt } = job
  const seconds =
    startedAt === undefined ? 0 : ((endedAt ?? new Date()).getTime() - startedAt.getTime()) / 1_000
  return {
    rowsDone: rows,
    rowsTotal: job.rowsTotal ?? null,
    rowsPerSecond: seconds > 0 ? Math.round(rows / seconds) : null,
    startedAt: startedAt?.toISOString() ?? null,
    attempts: job.attempts,
    // Of what is complete it is of no interest any more.
    trouble: state === 'finished' ? null : (job.trouble ?? null),
  }
}
