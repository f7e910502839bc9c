import type { Knex } from 'knex'
import type { AbortReason, Ending, ReceiptWriter } from '../receipts/receipt.ts'
import type { RunningImports } from '../receipts/running-imports.ts'
import {
  createBatchStore,
  inOneTransaction,
  type BatchStoreParts,
  type WholeStoreParts,
} from './batch-store.ts'
import { persevere } from './persevere.ts'
import { endImport, finishReceipt, updateRunning, type FencedPlace } from './receipt-sql.ts'
import { inTransaction } from './transaction.ts'
import type { Turns } from './turns.ts'

/** How an import ends: one that is streamed once and for all, one in the background perhaps only for now. */
export interface Endings {
  /** Writes the last word of an import that is complete. Safe to repeat. */
  finish(trx: Knex.Transaction, ending: Ending): Promise<void>
  abort(reason: AbortReason): Promise<void>
}

/** What is needed to write a receipt. */
export interface ReceiptWriterParts {
  readonly knex: Knex
  readonly turns: Turns
  readonly running: RunningImports
  readonly onTrouble: (error: unknown) => void
  readonly place: FencedPlace
  /** Its reason ends the import. */
  readonly signal: AbortSignal
  /** How many chunks are there already. Default: none. */
  readonly from?: number
  /** Default: those of a streamed import. */
  readonly endings?: Endings
}

/** Writes the receipt of an import that runs in this process. */
export function createReceiptWriter(parts: ReceiptWriterParts): ReceiptWriter {
  const { knex, place, running, signal, onTrouble, from = 0, endings = streamedEndings(parts) } = parts
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
  const finish: WholeStoreParts['finish'] = (trx, ending) => endings.finish(trx, ending)
  let isRefused = false
  const persevering = <T>(attempt: () => Promise<T>): Promise<T> => persevere(attempt, { signal, onTrouble })
  return {
    id: place.id,
    signal,
    store: createBatchStore(batches, from),
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
      await persevere(() => inTransaction(knex, (trx) => endings.finish(trx, ending)), { onTrouble })
      running.remove(place.id)
    },

    abort: async (reason) => {
      try {
        await endings.abort(reason)
      } finally {
        // If it could not be written, the next heartbeat finds an import of this process that does not run.
        running.remove(place.id)
      }
    },
  }
}

function streamedEndings({ knex, place }: ReceiptWriterParts): Endings {
  return {
    finish: (trx, ending) => finishReceipt(trx, place, ending),
    abort: async (reason) => {
      await endImport(knex, place, { state: 'aborted', reason })
    },
  }
}
