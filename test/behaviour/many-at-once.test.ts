import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { idOf, newest, receiptOf, resultOf, upload } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

const organizations = Array.from({ length: 14 }, (_, index) => `org-${index}`)

describe('imports of many organizations at once', () => {
  let service: Service

  beforeAll(async () => {
    const list = ['helping-hands:1', 'other-org:2', ...organizations.map((slug, at) => `${slug}:${at + 3}`)]
    service = await startService({ settings: { ORGANIZATIONS: list.join(',') } })
  })
  afterAll(() => service.close())

  it('all end, or are told to come back; each receipt tells of its own; and health answers meanwhile', async () => {
    const queries = ['', 'strict=true', 'dryRun=true']
    let done = false
    const sent = Promise.all(
      organizations.flatMap((organization, at) =>
        [0, 1, 2].map((which) =>
          upload(service, numberedHeader + numbered(at * 1_000, at * 1_000 + 700, `N${which}`), {
            query: queries[which]!,
            claims: { organization },
          }).then((answer) => ({ answer, organization, which, at })),
        ),
      ),
    ).finally(() => (done = true))
    sent.catch(() => undefined)
    let answeredMeanwhile = 0
    while (!(done as boolean)) {
      expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
      if (!(done as boolean)) answeredMeanwhile += 1
      await setTimeout(20)
    }
    expect(answeredMeanwhile).toBeGreaterThan(2)
    for (const { answer, organization, which, at } of await sent) {
      expect([200, 429, 503]).toContain(answer.status)
      if (answer.status !== 200) continue
      expect(answer.complete).toBe(true)
      const rows = rowsOf(answer.text)
      expect(rows).toHaveLength(700)
      expect(rows[0]!['slug']).toBe(`u-${at * 1_000}`)
      const claims = { organization }
      expect((await resultOf(service, idOf(answer), { claims })).bytes.equals(answer.bytes)).toBe(true)
      const receipt = await receiptOf(service, idOf(answer), claims)
      expect(receipt.counts).toMatchObject({ rows: 700, invalid: 0 })
      expect(receipt.dryRun).toBe(which === 2)
    }
    expect(await newest(service)).toEqual([])
  }, 120_000)
})
