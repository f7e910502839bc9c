import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { ended, exchange, newestId, resultOf, untilReceipt } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

describe('the log', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it('has no errors of ours where a caller stopped an import that others followed', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await client.until((text) => text.includes('imported'))
    const id = await newestId(service)
    const follower = resultOf(service, id)
    await setTimeout(300)
    await exchange(service, { method: 'DELETE', path: `${importPath}/${id}` })
    await follower
    await untilReceipt(service, id, ended)
    client.destroy()
    await setTimeout(300)
    const errors = service
      .logged()
      .split('\n')
      .filter((line) => /"level":(?:50|60)/.test(line))
    expect(errors).toEqual([])
  })
})
