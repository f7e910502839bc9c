import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import {
  ended,
  exchange,
  newest,
  receiptOf,
  resultOf,
  untilReceipt,
  upload,
  type Exchange,
} from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

const CLIENTS = 8
const ACTS = 40

/** Numbers that look random, the same in every run of a seed. */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % sides
  }
}

describe('callers who send, repeat, cut, follow, stop and erase imports all at once', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it('get what the receipts say, and the receipts say what is stored', async () => {
    const answers: { readonly key: string; readonly answer: Exchange }[] = []
    const statuses = new Set<number>()

    async function client(number: number): Promise<void> {
      const roll = dice(number + 1)
      for (let act = 0; act < ACTS; act += 1) {
        const which = roll(12)
        const key = `key-${which}`
        const query = ['', 'strict=true', 'dryRun=true', ''][which % 4]!
        const from = which * 1_000
        const body = numberedHeader + numbered(from, from + 50 + which * 60)
        const what = roll(8)
        if (what < 3) {
          const answer = await upload(service, body, { query, headers: { 'Idempotency-Key': key } })
          statuses.add(answer.status)
          if (answer.status === 200 && answer.complete) answers.push({ key, answer })
        } else if (what < 5) {
          const raw = await RawClient.connect(service)
          const more = `Idempotency-Key: ${key}\r\n`
          await raw.write(headOf({ token: await service.token(), length: body.length, query, more }))
          await raw.write(body.slice(0, roll(body.length + 1)))
          await setTimeout(roll(150))
          raw.socket.resetAndDestroy()
        } else {
          const list = await newest(service, '?limit=20')
          const id = list[roll(Math.max(1, list.length))]?.id
          if (id === undefined) continue
          if (what === 5)
            statuses.add((await exchange(service, { method: 'DELETE', path: `${importPath}/${id}` })).status)
          else if (what === 6) statuses.add((await resultOf(service, id)).status)
          else {
            const raw = await RawClient.connect(service)
            await raw.write(
              `GET ${importPath}/${id}/result.csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await service.token()}\r\n\r\n`,
            )
            await setTimeout(roll(100))
            raw.socket.resetAndDestroy()
          }
        }
      }
    }

    await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)))
    expect([...statuses].filter((status) => ![200, 202, 204, 409, 410, 429, 503].includes(status))).toEqual(
      [],
    )
    expect(
      service
        .logged()
        .split('\n')
        .filter((line) => /"level":(?:50|60)/.test(line)),
    ).toEqual([])

    const stored = new Set(await service.knex('users').pluck<string[]>('slug'))
    const [{ count }] = (await service.knex('imports').count('* as count')) as [{ count: string }]
    expect(Number(count)).toBeGreaterThan(10)
    const ids = await service.knex('imports').pluck<string[]>('id')
    const told = new Set<string>()
    for (const id of ids) {
      const receipt = await untilReceipt(service, id, ended)
      if (!receipt.dryRun && receipt.counts['imported']! > 0 && receipt.result === null) {
        // Its result was erased: what it imported is not told any more.
        const which = Number(receipt.idempotencyKey!.slice(4))
        for (let row = 0; row < receipt.counts['rows']!; row += 1) told.add(`u-${which * 1_000 + row}`)
      }
      if (receipt.result === null) continue
      const result = await resultOf(service, id)
      expect(result).toMatchObject({ status: 200, complete: true })
      const rows = rowsOf(result.text)
      expect(rows).toHaveLength(receipt.counts['rows']!)
      if (receipt.strict && receipt.state === 'aborted') expect(rows).toEqual([])
      for (const { disposition, slug } of rows) {
        expect(disposition).toBe(receipt.dryRun ? 'valid' : 'imported')
        if (!receipt.dryRun) told.add(slug!)
      }
    }
    expect([...stored].filter((slug) => !told.has(slug))).toEqual([])
    expect([...told].filter((slug) => !stored.has(slug))).toEqual([])

    for (const { answer } of answers) {
      const id = String(answer.headers['import-id'])
      const receipt = await receiptOf(service, id)
      expect(receipt.state).toBe('finished')
      if (receipt.result === null) continue
      expect((await resultOf(service, id)).bytes.equals(answer.bytes)).toBe(true)
    }
  }, 120_000)
})
