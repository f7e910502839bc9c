import type { Knex } from 'knex'
import type { ReceiptWriter } from '../receipts/receipt.ts'
import type { RunningImports } from '../receipts/running-imports.ts'
import { createBatchStore, inOneTransaction, type BatchStoreParts } from './batch-store.ts'
import { persevere } from './persevere.ts'
import { importEnded, selectReceipts, updateRunning, type ImportPlace } from './receipt-sql.ts'
import type { Turns } from './turns.ts'

/** What is needed to write a receipt. */
export interface ReceiptWriterParts {
  readonly knex: Knex
  readonly turns: Turns
  readonly running: RunningImports
  readonly onTrouble: (error: unknown) => void
  readonly place: ImportPlace
  /** Of the import's signal; its reason ends the import. */
  readonly controller: AbortController
}

/** Writes the receipt of an import that runs in this process. */
export function createReceiptWriter(parts: ReceiptWriterParts): ReceiptWriter {
  const { knex, place, running, controller, onTrouble } = parts
  const { signal } = controller
  const batches: BatchStoreParts = {
    ...parts,
    signal,
    onStop: () => {
      running.stop(place.id)
    },
  }
  const persevering = <T>(attempt: () => Promise<T>): Promise<T> => persevere(attempt, { signal, onTrouble })
  return {
    id: place.id,
    signal,
    store: createBatchStore(batches),
    inOne: (work, kept) => inOneTransaction(batches, work, kept),

    refuse: async () => {
      await persevering(() => updateRunning(knex, place, 'refused = true', []))
    },

    uploaded: async ({ bytes, sha256 }) => {
      const set = 'upload_bytes = ?::bigint, upload_digest = ?::text'
      await persevering(() => updateRunning(knex, place, set, [bytes, sha256]))
    },

    finish: async ({ upload, answerDigest }) => {
      const set = `state = 'finished', ended_at = clock_timestamp(), upload_bytes = ?::bigint, upload_digest = ?::text,
                   answer_digest = ?::text`
      const parameters = [upload.bytes, upload.sha256, answerDigest]
      // Whoever wants to stop it now comes too late: all of it is imported.
      const attempt = async (): Promise<void> => {
        if (await updateRunning(knex, place, set, parameters)) return
        // The answer to an earlier attempt may have been lost.
        const where = 'where organization_id = ?::integer and id = ?::text'
        const [found] = await selectReceipts(knex, where, [place.organizationId, place.id])
        if (found?.receipt.state !== 'finished') throw importEnded()
      }
      await persevere(attempt, { onTrouble })
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
