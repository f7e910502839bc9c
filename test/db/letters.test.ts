import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Knex } from 'knex'
import type { Database } from '../../src/db/database.ts'
import { createOutbox, letterStatuses } from '../../src/db/letters.ts'
import type { ClaimedLetter, Outbox } from '../../src/mail/outbox.ts'
import { statusOf, writeLetter } from '../mail/outbox.ts'
import { openTestDatabase } from '../support/database.ts'

let database: Database
let knex: Knex
let outbox: Outbox

beforeAll(async () => {
  database = await openTestDatabase()
  knex = database.knex
  outbox = createOutbox(knex)
})

beforeEach(async () => {
  await knex('letters').delete()
})

afterAll(() => database.close())

const claim = (limit = 10, domain = 'example.com'): Promise<readonly ClaimedLetter[]> =>
  outbox.claim({ limit, lease: 3_600_000, domain })

/** The lease of a letter, or its pause, is over. */
const makeDue = (): Promise<unknown> => knex.raw('update letters set next_attempt_at = clock_timestamp()')

async function claimedOne(): Promise<ClaimedLetter> {
  const [letter] = await claim()
  if (letter === undefined) throw new Error('no letter is due')
  return letter
}

const failure = { code: 'mail.deferred', detail: 'Not now.' }

describe('the outbox', () => {
  it('gives a letter to nobody else before its lease has ended, and then as the same letter', async () => {
    await writeLetter(knex)
    const first = await claimedOne()
    expect(first).toMatchObject({ organizationId: 1, importId: 'import-1', kind: 'finished', attempts: 1 })
    expect(await claim()).toEqual([])
    await makeDue()
    const second = await claimedOne()
    expect(second).toMatchObject({ attempts: 2, messageId: first.messageId })
    expect(second.age).toBeGreaterThanOrEqual(0)
  })

  it('hears nothing of failures from whom the letter was taken away, but that it was sent', async () => {
    await writeLetter(knex)
    const first = await claimedOne()
    await makeDue()
    const second = await claimedOne()
    await outbox.giveUp(first, failure)
    await outbox.postpone(first, failure, 0)
    expect(await statusOf(knex)).toMatchObject({ state: 'waiting', attempts: 2, failure: undefined })
    expect(await claim()).toEqual([])
    await outbox.sent(first)
    await outbox.giveUp(second, failure)
    expect(await statusOf(knex)).toMatchObject({ state: 'sent', failure: undefined })
  })

  it('keeps a Message-ID whose domain would be another by now', async () => {
    await writeLetter(knex)
    const [first] = await claim(1, 'old.example.com')
    await makeDue()
    const [second] = await claim(1, 'new.example.com')
    expect(first?.messageId).toMatch(/@old\.example\.com$/)
    expect(second?.messageId).toBe(first?.messageId)
  })

  it('makes Message-IDs of letters, whatever text the ids of imports are', async () => {
    const importIds = ['a', 'b', 'a@b>\r\nBcc: c', 'ä'.repeat(200), '𝒜']
    for (const importId of importIds) await writeLetter(knex, { importId })
    await writeLetter(knex, { importId: 'a', kind: 'failed' })
    const messageIds = (await claim()).map(({ messageId }) => messageId)
    expect(new Set(messageIds).size).toBe(6)
    for (const messageId of messageIds) expect(messageId).toMatch(/^[a-z]+\.1\.[0-9a-f]{32}@example\.com$/)
  })

  it('gives those first that have been due for longest, as many as are asked for', async () => {
    for (const importId of ['c', 'a', 'b', 'later']) await writeLetter(knex, { importId })
    const due = (importId: string, ago: string): Promise<unknown> =>
      knex.raw(
        'update letters set next_attempt_at = clock_timestamp() - ?::text::interval where import_id = ?::text',
        [ago, importId],
      )
    await due('a', '3 hours')
    await due('b', '2 hours')
    await due('c', '1 hour')
    await due('later', '-1 hour')
    expect((await claim(2)).map(({ importId }) => importId).sort()).toEqual(['a', 'b'])
    expect((await claim(2)).map(({ importId }) => importId)).toEqual(['c'])
  })

  it('keeps the first of two letters of one kind about an import', async () => {
    await writeLetter(knex, { recipient: 'anna@example.org' })
    await writeLetter(knex, { recipient: 'eve@example.org' })
    expect((await claim()).map(({ recipient }) => recipient)).toEqual(['anna@example.org'])
  })

  it('postpones a letter and says why', async () => {
    await writeLetter(knex)
    await outbox.postpone(await claimedOne(), failure, 3_600_000)
    expect(await claim()).toEqual([])
    expect(await statusOf(knex)).toEqual({
      kind: 'finished',
      state: 'waiting',
      attempts: 1,
      sentAt: undefined,
      failure,
    })
    await makeDue()
    await outbox.postpone(await claimedOne(), failure, 0)
    expect((await claimedOne()).attempts).toBe(3)
  })

  it('tells of no letter where there is none', async () => {
    expect(await letterStatuses(knex, { organizationId: 2, id: 'import-1' })).toEqual([])
  })
})
