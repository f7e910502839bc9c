import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader } from '../support/csv.ts'
import { ended, exchange, newest, newestId, untilReceipt, upload } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

const ROWS = 20_000

describe('a strict import that is stopped at any moment', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it.each([50, 200, 400, 600, 800, 1_000, 1_200, 1_400])(
    'such as after %i milliseconds is all or nothing, and its answer and its receipt say which',
    async (milliseconds) => {
      await service.knex('users').delete()
      const body = numberedHeader + numbered(0, ROWS)
      const key = `stopped-${milliseconds}`
      const sent = upload(service, body, { query: 'strict=true', headers: { 'Idempotency-Key': key } })
      const answering = sent.then(({ status, complete }) => ({ status, complete }))
      await setTimeout(milliseconds)
      while ((await newest(service, `?idempotencyKey=${key}`)).length === 0) await setTimeout(5)
      const id = await newestId(service, `?idempotencyKey=${key}`)
      await exchange(service, { method: 'DELETE', path: `${importPath}/${id}` })
      const answer = await answering
      const receipt = await untilReceipt(service, id, ended)
      const stored = (await service.knex('users').pluck('slug')).length
      const all = { state: 'finished', stored: ROWS, imported: ROWS }
      const nothing = { state: 'aborted', stored: 0, imported: 0 }
      const told = { state: receipt.state, stored, imported: receipt.counts['imported'] }
      expect(told).toEqual(stored === 0 ? nothing : all)
      if (stored === 0) expect([answer.status, answer.complete]).toEqual([409, true])
      else expect(answer.status).toBe(200)
    },
  )
})
