import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { ended, exchange, idOfBegun, untilReceipt } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

describe('DELETE of an import', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it('of an upload of which nothing but its header has come stops it soon', async () => {
    const client = await RawClient.connect(service)
    const id = await idOfBegun(service, async () => {
      await client.write(headOf({ token: await service.token() }))
      await client.chunk(numberedHeader)
    })
    expect((await exchange(service, { method: 'DELETE', path: `${importPath}/${id}` })).status).toBe(202)
    await client.until((text) => text.includes('import.stopped'))
    expect(client.status).toBe(409)
    expect(await untilReceipt(service, id, ended)).toMatchObject({ state: 'aborted' })
    client.destroy()
  })

  it('of a strict import while its upload comes stops it soon, is a 409, and nothing is written', async () => {
    const client = await RawClient.connect(service)
    const id = await idOfBegun(service, async () => {
      await client.write(headOf({ token: await service.token(), query: 'strict=true' }))
      await client.chunk(numberedHeader + numbered(0, 100))
    })
    expect((await exchange(service, { method: 'DELETE', path: `${importPath}/${id}` })).status).toBe(202)
    await client.until((text) => text.includes('import.stopped'))
    expect(client.status).toBe(409)
    expect(await untilReceipt(service, id, ended)).toMatchObject({ state: 'aborted' })
    expect(await service.knex('users').pluck('slug')).toEqual([])
    client.destroy()
  })
})
