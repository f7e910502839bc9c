import { importedOf, rowsOf, type Receipt } from '../receipts/receipt.ts'
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
  }
}
