import type { Knex } from 'knex'
import { randomUUID } from 'node:crypto'
import { createReceiptWriter } from '../../src/db/receipt-writer.ts'
import { Turns } from '../../src/db/turns.ts'
import { createReceiptStore, type ReceiptStoreParts } from '../../src/db/receipts.ts'
import type { Chunk } from '../../src/receipts/chunk.ts'
import type {
  AnswerForm,
  ImportPlace,
  NewImport,
  ReceiptStore,
  ReceiptWriter,
} from '../../src/receipts/receipt.ts'
import { RunningImports } from '../../src/receipts/running-imports.ts'

/** What a process needs to keep receipts, without a limit that a test would meet. */
export const receiptParts = (knex: Knex): ReceiptStoreParts => ({
  knex,
  processId: randomUUID(),
  turns: new Turns(),
  running: new RunningImports(),
  maxImports: 1_000_000,
  maxImportsPerOrganization: 1_000_000,
  maxWaitingBytes: 2 ** 50,
  onTrouble: () => undefined,
})

/** The receipts of a database. */
export function receiptsIn(knex: Knex, more: Partial<ReceiptStoreParts> = {}): ReceiptStore {
  return createReceiptStore({ ...receiptParts(knex), ...more })
}

/** How an answer of two columns is written. */
export const plainForm: AnswerForm = {
  names: ['email', 'givenName'],
  columns: ['email', 'givenName'],
  delimiter: ',',
  lineEnd: '\n',
  bom: false,
  charset: 'utf-8',
  options: { onlyInvalid: false, detailed: false, returnId: false },
}

/** An import that is about to begin. */
export const newImport = (organizationId: number, more: Partial<NewImport> = {}): NewImport => ({
  organizationId,
  caller: 'nobody',
  callerEmail: undefined,
  kind: 'users',
  mode: 'each',
  fileName: undefined,
  idempotencyKey: undefined,
  request: '{}',
  form: plainForm,
  ...more,
})

/** The writer of a new import. */
export async function writerOf(receipts: ReceiptStore, wanted: NewImport): Promise<ReceiptWriter> {
  const opened = await receipts.open(wanted)
  if (opened.kind === 'known') throw new RangeError('its idempotency key is known')
  return opened.writer
}

/** The writer of an import whose earlier run was cut off after so many chunks. */
export function writerAgain(knex: Knex, place: ImportPlace, from: number): ReceiptWriter {
  const running = new RunningImports()
  const onTrouble = (): void => undefined
  const own = { turns: new Turns(), running, onTrouble, signal: running.add(place.id) }
  return createReceiptWriter({ ...own, knex, place: { ...place, fence: 0 }, from })
}

/** A chunk of one row that tells its text and nothing else. */
export const chunkOf = (text: string, firstRow = 2): Chunk => ({
  firstRow,
  answer: Buffer.from(text),
  notes: Buffer.from('{"dispositions":"c","ids":"","invalid":[],"changed":[]}'),
  counts: { created: 1, updated: 0, unchanged: 0, invalid: 0, skipped: 0 },
})
