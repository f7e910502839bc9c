import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { eraseExpired } from '../../src/db/expiry.ts'
import { numbered, numberedHeader, recordsOf } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import {
  ended,
  exchange,
  idOf,
  jsonOf,
  newestId,
  receiptOf,
  resultOf,
  untilReceipt,
  upload,
} from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

const remove = (service: Service, id: string, claims = {}) =>
  exchange(service, { method: 'DELETE', path: `${importPath}/${id}`, claims })

describe('DELETE of an import', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  it('that has ended erases its stored result: it is a 410 then, and the counts stay', async () => {
    const { 'import-id': id } = (await upload(service, `${numberedHeader}a,a@example.com,A\nx,x,x\n`)).headers
    const before = await receiptOf(service, String(id))
    const answer = await remove(service, String(id))
    expect([answer.status, answer.text]).toEqual([204, ''])
    for (const method of ['GET', 'HEAD']) {
      const result = await exchange(service, { method, path: `${importPath}/${String(id)}/result.csv` })
      expect([method, result.status]).toEqual([method, 410])
      if (method === 'GET') expect(jsonOf(result)).toMatchObject({ code: 'import.erased', status: 410 })
    }
    const after = await receiptOf(service, String(id))
    expect(after).toEqual({ ...before, result: null, resultDeletedAt: expect.any(String) })
    expect(await service.knex('import_chunks').where('import_id', id).select('number')).toEqual([])
    expect(await service.knex('users').pluck('slug')).toEqual(['a'])
    expect((await remove(service, String(id))).status).toBe(204)
  })

  it('that was aborted erases its stored result too', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await client.until((text) => text.includes('imported'))
    const id = await newestId(service)
    client.socket.resetAndDestroy()
    await untilReceipt(service, id, ended)
    expect((await remove(service, id)).status).toBe(204)
    expect((await resultOf(service, id)).status).toBe(410)
    expect(await receiptOf(service, id)).toMatchObject({ state: 'aborted', counts: { rows: 3 } })
  })

  it('that runs stops it after its batch, and its client is broken off', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(numberedHeader + numbered(0, 60))
    await client.until((text) => text.includes('imported'))
    const id = await newestId(service)
    expect((await remove(service, id)).status).toBe(202)
    expect(await client.ending()).toBe('reset')
    expect(client.body.complete).toBe(false)
    const receipt = await untilReceipt(service, id, ended)
    expect(receipt).toMatchObject({ state: 'aborted', reason: { code: 'import.stopped' } })
    const stored = await service.knex('users').pluck('slug')
    expect(receipt.counts['imported']).toBe(stored.length)
    const result = await resultOf(service, id)
    expect([result.complete, result.headers['import-state']]).toEqual([true, 'aborted'])
    expect(recordsOf(result.text)).toHaveLength(stored.length + 1)
  })

  it('that runs at full speed leaves exactly what its result says', async () => {
    const body = numberedHeader + numbered(0, 60_000)
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), length: body.length }))
    void client.write(body).catch(() => undefined)
    await client.until((text) => text.includes('imported'))
    const id = await newestId(service)
    expect((await remove(service, id)).status).toBe(202)
    const receipt = await untilReceipt(service, id, ended)
    expect(receipt.state).toBe('aborted')
    expect(await client.ending()).toBe('reset')
    await setTimeout(500)
    const stored = await service.knex('users').pluck('slug')
    expect(stored.length).toBeLessThan(60_000)
    const { text } = await resultOf(service, id)
    expect(recordsOf(text)).toHaveLength(stored.length + 1)
    expect(await receiptOf(service, id)).toEqual(receipt)
  })

  it('is for its member too, and for the owner', async () => {
    const claims = { role: 'organization_member', subject: 'mia' }
    const id = idOf(await upload(service, 'email\na@example.com\n', { claims }))
    expect((await remove(service, id, claims)).status).toBe(204)
    const other = idOf(await upload(service, 'email\nb@example.com\n', { claims }))
    expect((await remove(service, other)).status).toBe(204)
  })
})

describe('results that are kept for long enough', () => {
  let service: Service
  const many = { days: 7, bytesPerOrganization: 1e12 }

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(async () => {
    await service.knex('import_chunks').delete()
    await service.knex('imports').delete()
  })

  const make = async (organization = 'helping-hands'): Promise<string> =>
    idOf(await upload(service, numberedHeader + numbered(0, 100), { claims: { organization } }))
  const status = async (id: string, organization = 'helping-hands'): Promise<number> =>
    (await resultOf(service, id, { claims: { organization } })).status

  it('are deleted after RECEIPT_DAYS', async () => {
    const [old, young] = [await make(), await make()]
    await service
      .knex('imports')
      .where({ id: old })
      .update({ ended_at: service.knex.raw(`now() - interval '7 days 1 minute'`) })
    await service
      .knex('imports')
      .where({ id: young })
      .update({ ended_at: service.knex.raw(`now() - interval '6 days 23 hours'`) })
    expect(await eraseExpired(service.knex, many)).toBe(1)
    expect([await status(old), await status(young)]).toEqual([410, 200])
    expect(await receiptOf(service, old)).toMatchObject({ state: 'finished', counts: { rows: 100 } })
    expect(await eraseExpired(service.knex, many)).toBe(0)
  })

  it('are deleted oldest first above RECEIPT_BYTES per organization', async () => {
    const ids = [await make(), await make(), await make(), await make()]
    const [other] = [await make('other-org')]
    const [{ result_bytes: bytes }] = (await service
      .knex('imports')
      .where({ id: ids[0] })
      .select('result_bytes')) as [{ result_bytes: string }]
    const limit = { days: 7, bytesPerOrganization: Number(bytes) * 2.5 }
    while ((await eraseExpired(service.knex, limit)) > 0);
    expect(await Promise.all(ids.map((id) => status(id)))).toEqual([410, 410, 200, 200])
    expect(await status(other, 'other-org')).toBe(200)
  })

  it('are deleted all, however many have to go', async () => {
    const ids = [await make()]
    for (let number = 0; number < 45; number += 1)
      ids.push(idOf(await upload(service, 'email\na@example.com\n')))
    let erased = 0
    for (let each = -1; each !== 0; erased += each)
      each = await eraseExpired(service.knex, { days: 7, bytesPerOrganization: 0 })
    expect(erased).toBe(46)
    expect(await service.knex('import_chunks').select('number')).toEqual([])
  })

  it('are never those of an import that runs', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(numberedHeader + numbered(0, 60))
    await client.until((text) => text.includes('imported'))
    expect(await eraseExpired(service.knex, { days: 7, bytesPerOrganization: 0 })).toBe(0)
    await client.chunk('')
    await client.until((text) => text.includes('\r\n0\r\n'))
    client.destroy()
  })
})
