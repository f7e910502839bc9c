import type { Knex } from 'knex'
import type { ImportPlace, ReceiptWriter } from '../receipts/receipt.ts'
import type { RunningImports } from '../receipts/running-imports.ts'
import {
  createBatchStore,
  inOneTransaction,
  type BatchStoreParts,
  type WholeStoreParts,
} from './batch-store.ts'
import { persevere } from './persevere.ts'
import { finishReceipt, updateRunning } from './receipt-sql.ts'
import type { Turns } from './turns.ts'

/** What is needed to write a receipt. */
export interface ReceiptWriterParts {
  readonly knex: Knex
  readonly turns: Turns
  readonly running: RunningImports
  readonly onTrouble: (error: unknown) => void
  readonly place: ImportPlace
  /** Its reason ends the import. */
  readonly signal: AbortSignal
}

/** Writes the receipt of an import that runs in this process. */
export function createReceiptWriter(parts: ReceiptWriterParts): ReceiptWriter {
  const { knex, place, running, signal, onTrouble } = parts
  const batches: BatchStoreParts = {
    ...parts,
    onStop: () => {
      running.stop(place.id)
    },
  }
  const seal = (isSealed: boolean): void => {
    if (isSealed) running.seal(place.id)
    else running.unseal(place.id)
  }
  const finish: WholeStoreParts['finish'] = (trx, ending) => finishReceipt(trx, place, ending)
  let isRefused = false
  const persevering = <T>(attempt: () => Promise<T>): Promise<T> => persevere(attempt, { signal, onTrouble })
  return {
    id: place.id,
    signal,
    store: createBatchStore(batches),
    inOne: async (work, kept) => {
      const isCommitted = await inOneTransaction({ ...batches, seal, finish }, work, kept)
      if (isCommitted) running.remove(place.id)
      return isCommitted
    },

    get isRefused() {
      return isRefused
    },

    refuse: async () => {
      await persevering(() => updateRunning(knex, place, 'refused = true', []))
      isRefused = true
    },

    uploaded: async ({ bytes, sha256 }) => {
      const set = 'upload_bytes = ?::bigint, upload_digest = ?::text'
      await persevering(() => updateRunning(knex, place, set, [bytes, sha256]))
    },

    finish: async (ending) => {
      // Whoever wants to stop it now comes too late: all of it is imported.
      await persevere(() => finishReceipt(knex, place, ending), { onTrouble })
      running.remove(place.id)
    },

    abort: async ({ code, detail }) => {
      const set = `state = 'aborted', ended_at = clock_timestamp(), reason_code = ?::text, reason = ?::text`
      try {
        await updateRunning(knex, place, set, [code, detail])
      } finally {
        // If it could not be written, the next heartbeat finds an import of this process that does not run.
        running.remove(place.id)
      }
    },
  }
}
