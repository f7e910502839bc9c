import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Knex } from 'knex'
import type { Database } from '../../src/db/database.ts'
import { createLetterImports } from '../../src/db/letter-imports.ts'
import { makeOrganizations } from '../../src/db/organizations.ts'
import type { LetterImports } from '../../src/mail/outbox.ts'
import type { ReceiptStore, ReceiptWriter } from '../../src/receipts/receipt.ts'
import { openTestDatabase } from '../support/database.ts'
import { bytesOf, claimed, csvOf, digestOf, jobProcess, wantedCsv } from '../support/jobs.ts'
import { newImport, receiptsIn, writerOf } from '../support/receipt-store.ts'

let database: Database
let knex: Knex
let receipts: ReceiptStore
let imports: LetterImports

beforeAll(async () => {
  database = await openTestDatabase()
  knex = database.knex
  await makeOrganizations(knex, [{ slug: 'helping-hands', id: 1 }])
  receipts = receiptsIn(knex)
  imports = createLetterImports(knex)
})

afterAll(() => database.close())

const never = new AbortController().signal

/** Stores a chunk of one invalid row. */
async function storeInvalid({ store }: ReceiptWriter, row: number): Promise<void> {
  const fault = { code: 'email.invalid', column: 'email', message: 'm', value: 'v' }
  const notes = { dispositions: 'i', ids: '', invalid: [[0, 0, 1, [fault]]], changed: [] }
  await store.save(() =>
    Promise.resolve({
      record: {
        firstRow: row,
        answer: Buffer.from('x'),
        notes: Buffer.from(JSON.stringify(notes)),
        counts: { created: 0, updated: 0, unchanged: 0, invalid: 1, skipped: 0 },
      },
    }),
  )
}

describe('what letters say of imports', () => {
  it('is nothing of one that is not there, or another organization’s', async () => {
    const writer = await writerOf(receipts, newImport(1))
    await writer.abort({ code: 'import.stopped', detail: 'Stopped.' })
    expect(await imports.read({ organizationId: 1, id: 'none' }, never)).toBeUndefined()
    expect(await imports.read({ organizationId: 2, id: writer.id }, never)).toBeUndefined()
  })

  it('counts the faults of all chunks, over as many reads as it takes', async () => {
    const writer = await writerOf(receipts, newImport(1, { fileName: 'ü.csv', idempotencyKey: 'key' }))
    for (let row = 2; row < 22; row += 1) await storeInvalid(writer, row)
    await writer.finish({ upload: { bytes: 1, sha256: 'x' }, answerDigest: 'y' })
    const about = await imports.read({ organizationId: 1, id: writer.id }, never)
    expect(about).toMatchObject({
      importId: writer.id,
      importKind: 'users',
      organization: 'helping-hands',
      ownId: 'key',
      caller: 'nobody',
      rowsTotal: undefined,
      begun: false,
      fileName: 'ü.csv',
      mode: 'each',
      refused: false,
      counts: { created: 0, updated: 0, unchanged: 0, invalid: 20, skipped: 0 },
      faults: [{ code: 'email.invalid', column: 'email', count: 20 }],
      reason: undefined,
    })
    expect(about!.endedAt.getTime()).toBeGreaterThanOrEqual(about!.receivedAt.getTime())
  })

  it('says why an import was aborted, and knows no faults once its result is deleted', async () => {
    const writer = await writerOf(receipts, newImport(1))
    await storeInvalid(writer, 2)
    await writer.abort({ code: 'import.stopped', detail: 'Stopped.' })
    await receipts.erase({ organizationId: 1, id: writer.id })
    expect(await imports.read({ organizationId: 1, id: writer.id }, never)).toMatchObject({
      faults: undefined,
      reason: { code: 'import.stopped', detail: 'Stopped.' },
      counts: { invalid: 1 },
    })
  })

  it('knows who asked, how many rows there are, and whether a worker has begun', async () => {
    const process = jobProcess(knex)
    const csv = csvOf('a', 'b', 'c')
    const job = { ...wantedCsv(1).job, rowsTotal: 3 }
    const ids: string[] = []
    for (const caller of ['auth0|1', 'credential:2']) {
      const wanted = { ...wantedCsv(1, { caller }), job }
      const submitted = await process.jobs.submit(wanted, () => bytesOf(csv), digestOf(csv))
      ids.push(submitted.kind === 'new' ? submitted.id : '')
    }
    const { receipt, writer } = await claimed(process)
    expect(receipt.id).toBe(ids[0])
    await writer.abort({ code: 'import.stopped', detail: 'Stopped.' })
    await process.receipts.requestStop({ organizationId: 1, id: ids[1]! })
    const read = (id: string): Promise<unknown> => imports.read({ organizationId: 1, id }, never)
    expect(await read(ids[0]!)).toMatchObject({ caller: 'auth0|1', rowsTotal: 3, begun: true })
    expect(await read(ids[1]!)).toMatchObject({ caller: 'credential:2', rowsTotal: 3, begun: false })
  })

  it('stops counting when it is told to', async () => {
    const writer = await writerOf(receipts, newImport(1))
    await writer.abort({ code: 'import.stopped', detail: 'Stopped.' })
    const place = { organizationId: 1, id: writer.id }
    await expect(imports.read(place, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })
})
