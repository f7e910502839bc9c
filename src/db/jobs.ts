import type { Knex } from 'knex'
import { randomUUID } from 'node:crypto'
import type { JobStore } from '../jobs/job.ts'
import type { ImportPlace, UploadDigest } from '../receipts/receipt.ts'
import { takeTurn, type JobStoreParts } from './claims.ts'
import { dueJobs } from './due-jobs.ts'
import { overdue } from './overdue.ts'
import { ArrivingPayload, storePayload, storePiece } from './payloads.ts'
import { persevere, promptly } from './persevere.ts'
import { execute, query } from './query.ts'
import { standsInLine, type TurnQueue } from './queue.ts'
import { insertReceipt, lost, updateRunning } from './receipt-sql.ts'
import { opening, refuseTooMuch } from './receipts.ts'
import { inTransaction } from './transaction.ts'

/** The jobs in PostgreSQL. */
export function createJobStore(parts: JobStoreParts): JobStore {
  const { knex, queue, onTrouble } = parts
  return {
    submit: async (wanted, payload, upload) => {
      const place = { organizationId: wanted.organizationId, id: randomUUID() }
      // Both may take time, and nobody else is to wait for it.
      const store = async (trx: Knex): Promise<void> => {
        await storePayload(trx, place, payload())
        await queue.add(trx, place.organizationId)
      }
      const begin = async (trx: Knex): Promise<void> => {
        await refuseTooMuch(trx, place.organizationId, upload.bytes, parts)
        await insertReceipt(trx, place.id, undefined, wanted, upload)
      }
      const known = await promptly(() => opening(parts, wanted, begin, store))
      return known === undefined ? { kind: 'new', id: place.id } : { kind: 'known', receipt: known }
    },

    receiving: (place) =>
      new ArrivingPayload((number, piece) =>
        persevere(() => storePiece(knex, place, number, piece), { onTrouble }),
      ),

    queue: async (place, upload, rowsTotal) => {
      await persevere(() => inTransaction(knex, (trx) => enqueue(trx, queue, place, upload, rowsTotal)), {
        onTrouble,
      })
      parts.running.remove(place.id)
    },

    claim: async () => {
      for (;;) {
        const turn = await takeTurn(parts)
        if (turn !== 'no job') return turn
      }
    },

    remind: () => promptly(() => inTransaction(knex, (trx) => remind(trx, queue))),
    overdue: () => promptly(() => overdue(knex, parts.processId)),
  }
}

/** Hands an import over to the workers. The same again does nothing. */
async function enqueue(
  trx: Knex,
  queue: TurnQueue,
  place: ImportPlace,
  { bytes, sha256 }: UploadDigest,
  rowsTotal: number,
): Promise<void> {
  const set = `state = 'waiting', process_id = null, upload_bytes = ?::bigint, upload_digest = ?::text`
  const isHandedOver = await updateRunning(trx, { ...place, fence: 0 }, set, [bytes, sha256])
  if (!isHandedOver) return refuseUnqueued(trx, place)
  await execute(
    trx,
    `update import_jobs set queued_at = clock_timestamp(), rows_total = ?::integer
      where organization_id = ?::integer and import_id = ?::text`,
    [rowsTotal, place.organizationId, place.id],
  )
  await queue.add(trx, place.organizationId)
}

async function refuseUnqueued(trx: Knex, { organizationId, id }: ImportPlace): Promise<void> {
  const sql = `select 1 from import_jobs where organization_id = ?::integer and import_id = ?::text and queued_at is not null`
  if ((await query(trx, sql, [organizationId, id])).length === 0) throw lost()
}

/** Puts every organization into the line whose jobs wait, though it neither stands there nor runs one of them. */
async function remind(trx: Knex, queue: TurnQueue): Promise<void> {
  const waiting = await query<{ organization_id: number }>(
    trx,
    `select distinct i.organization_id
       from ${dueJobs()} and not ${standsInLine('i.organization_id')}
      order by i.organization_id`,
    [],
  )
  await queue.addAll(
    trx,
    waiting.map(({ organization_id: organizationId }) => organizationId),
  )
}
