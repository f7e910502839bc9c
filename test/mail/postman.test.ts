import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Knex } from 'knex'
import { openDatabase, type Database } from '../../src/db/database.ts'
import { createOutbox } from '../../src/db/letters.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createLogCarrier } from '../../src/mail/carrier.ts'
import type { Postman } from '../../src/mail/postman.ts'
import { newPlace, type Place } from '../support/database.ts'
import { answer, startMailServer, type MailServer } from './mail-server.ts'
import { isFailed, isSent, postmanOf, quick, statusOf, untilStatus, writeLetter } from './outbox.ts'

let place: Place
let database: Database
let knex: Knex
let server: MailServer
let postmen: Postman[]

beforeAll(async () => {
  place = await newPlace()
  database = await openDatabase(place.settings)
  knex = database.knex
  await migrate(knex)
})

beforeEach(async () => {
  await knex('letters').delete()
  server = await startMailServer()
  postmen = []
})

afterEach(async () => {
  for (const postman of postmen) await postman.stop(0)
  await server.close()
})

afterAll(async () => {
  await database.close()
  await place.remove()
})

function begin(more: Parameters<typeof postmanOf>[2] = {}, port = server.port): ReturnType<typeof postmanOf> {
  const postman = postmanOf(knex, port, more)
  postmen.push(postman)
  postman.start()
  return postman
}

const idsOf = (letters: MailServer['taken']): readonly (string | undefined)[] =>
  letters.map(({ messageId }) => messageId)

describe('the postman', () => {
  it('gives a letter up at once that is refused at RCPT', async () => {
    await server.close()
    server = await startMailServer({
      onRcptTo: (_address, _session, callback) => {
        callback(answer(550, '5.1.1 No such user'))
      },
    })
    await writeLetter(knex)
    begin()
    const status = await untilStatus(knex, isFailed)
    expect(status).toMatchObject({ attempts: 1, sentAt: undefined, failure: { code: 'mail.refused' } })
    expect(status.failure?.detail).toContain('550 5.1.1 No such user')
  })

  it('gives a letter up at once whose addressee is none, and asks no server', async () => {
    await writeLetter(knex, { recipient: 'anna@example.org\r\nBcc: eve@example.org' })
    begin()
    expect((await untilStatus(knex, isFailed)).failure?.code).toBe('mail.address')
    expect(server.connections()).toBe(0)
  })

  it('gives a letter up whose import is not there any more', async () => {
    await writeLetter(knex)
    begin({ imports: { read: () => Promise.resolve(undefined) } })
    expect((await untilStatus(knex, isFailed)).failure?.code).toBe('mail.unknown_import')
  })

  it('tries a letter again that it could not write, and says nothing of why but in the log', async () => {
    await writeLetter(knex)
    const postman = begin({ imports: { read: () => Promise.reject(new TypeError('a mistake')) } })
    const status = await untilStatus(knex, ({ attempts, failure }) => attempts > 2 && failure !== undefined)
    expect(status).toMatchObject({ state: 'waiting', failure: { code: 'mail.internal' } })
    expect(status.failure?.detail).not.toContain('mistake')
    expect(postman.logged[0]?.[0]).toBe('warn')
  })

  it('tries a letter again that is put off, with the same Message-ID', async () => {
    const verdicts = [answer(451, '4.7.1 Greylisted'), answer(451, '4.7.1 Greylisted'), 'take' as const]
    server.verdict = () => verdicts.shift() ?? 'take'
    await writeLetter(knex)
    begin()
    const status = await untilStatus(knex, isSent)
    expect(status).toMatchObject({ attempts: 3, failure: undefined })
    expect(status.sentAt).toBeInstanceOf(Date)
    expect(server.seen).toHaveLength(3)
    expect(new Set(idsOf(server.seen)).size).toBe(1)
    expect(server.taken).toHaveLength(1)
  })

  it('says on the way what keeps a letter from being sent', async () => {
    server.verdict = () => answer(451, '4.7.1 Greylisted')
    await writeLetter(knex)
    begin({ times: { ...quick, pauses: [3_600_000] } })
    const status = await untilStatus(knex, ({ failure }) => failure !== undefined)
    expect(status).toMatchObject({
      state: 'waiting',
      attempts: 1,
      failure: {
        code: 'mail.deferred',
        detail: 'The mail server put the letter off: 451 4.7.1 Greylisted',
      },
    })
  })

  it('waits for a mail server that is down', async () => {
    const { port } = server
    await server.close()
    await writeLetter(knex)
    begin({}, port)
    await untilStatus(knex, ({ failure }) => failure?.code === 'mail.unreachable')
    server = await startMailServer({}, port)
    await untilStatus(knex, isSent)
    expect(server.taken).toHaveLength(1)
  })

  it('sends a letter again whose connection was cut after its last byte, with the same Message-ID', async () => {
    const verdicts = ['cut' as const, 'take' as const]
    server.verdict = () => verdicts.shift() ?? 'take'
    await writeLetter(knex)
    begin()
    expect((await untilStatus(knex, isSent)).attempts).toBe(2)
    expect(server.seen).toHaveLength(2)
    expect(new Set(idsOf(server.seen)).size).toBe(1)
  })

  it('sends a letter twice only where the mark got lost after 250, with the same Message-ID', async () => {
    const letters = createOutbox(knex)
    await writeLetter(knex)
    const losing = begin({ letters: { ...letters, sent: () => Promise.reject(new Error('gone')) } })
    while (server.taken.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await losing.stop()
    expect(await statusOf(knex)).toMatchObject({ state: 'waiting', attempts: 1 })
    await knex.raw('update letters set next_attempt_at = clock_timestamp()')
    begin()
    await untilStatus(knex, isSent)
    expect(server.taken).toHaveLength(2)
    expect(new Set(idsOf(server.taken)).size).toBe(1)
  })

  it('gives a letter up after a day, and not before', async () => {
    server.verdict = () => answer(451, '4.3.0 Not now')
    await writeLetter(knex, { importId: 'old' })
    await writeLetter(knex, { importId: 'new' })
    await knex.raw(`update letters set created_at = created_at - interval '24 hours' where import_id = 'old'`)
    await knex.raw(`update letters set created_at = created_at - interval '23 hours' where import_id = 'new'`)
    begin({ times: { ...quick, pauses: [3_600_000] } })
    const old = await untilStatus(knex, isFailed, 'old')
    expect(old).toMatchObject({ attempts: 1, failure: { code: 'mail.deferred' } })
    expect(old.failure?.detail).toContain('451 4.3.0 Not now: it was tried for a day.')
    await untilStatus(knex, ({ failure }) => failure !== undefined, 'new')
    expect((await statusOf(knex, 'new')).state).toBe('waiting')
    // the last attempt is made when the day ends
    const { rows } = await knex.raw<{ rows: { late: boolean }[] }>(
      `select next_attempt_at > created_at + interval '24 hours 1 minute' as late from letters where import_id = 'new'`,
    )
    expect(rows).toEqual([{ late: false }])
  })

  it('lets no server that is stuck hold up the others', async () => {
    server.verdict = ({ envelope }) => (envelope.to[0]?.startsWith('stuck') === true ? 'never' : 'take')
    for (const importId of ['a', 'b', 'c']) {
      await writeLetter(knex, { importId, recipient: `stuck-${importId}@example.org` })
    }
    begin()
    while (server.seen.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
    for (let n = 0; n < 5; n += 1) await writeLetter(knex, { importId: `late-${n}` })
    for (let n = 0; n < 5; n += 1) await untilStatus(knex, isSent, `late-${n}`)
    expect((await statusOf(knex, 'a')).state).toBe('waiting')
  })

  it('sends two hundred letters together with another, and none twice', async () => {
    const other = place.settings.kind === 'postgres' ? await openDatabase(place.settings) : undefined
    try {
      const importIds = Array.from({ length: 200 }, (_, n) => `import-${n}`)
      for (const importId of importIds) {
        await writeLetter(knex, { importId, recipient: `${importId}@example.org` })
      }
      const both = [postmanOf(knex, server.port), postmanOf(other?.knex ?? knex, server.port)]
      for (const postman of both) postman.start()
      for (const importId of importIds) await untilStatus(knex, isSent, importId)
      for (const postman of both) await postman.stop()
      expect(server.taken).toHaveLength(200)
      expect(new Set(idsOf(server.taken)).size).toBe(200)
      expect(new Set(server.taken.map(({ envelope }) => envelope.to[0])).size).toBe(200)
    } finally {
      await other?.close()
    }
  })

  it('sends what it was told about the import, as text and as HTML', async () => {
    await writeLetter(knex, { importId: 'import-9', kind: 'stopped' })
    begin()
    await untilStatus(knex, isSent, 'import-9')
    const [letter] = server.taken
    expect(letter?.subject).toBe('Import for helping-hands was stopped')
    expect(letter?.text).toContain('https://portals.example.com/imports/import-9')
    expect(letter?.html).toContain('https://portals.example.com/imports/import-9')
    expect(letter?.messageId).toMatch(/^<stopped\.1\.[0-9a-f]{32}@example\.com>$/)
  })

  it('lets the letter under way be taken when it stops, and takes no other', async () => {
    let letGo = (): void => undefined
    server.verdict = () =>
      new Promise((resolve) => {
        letGo = () => {
          resolve('take')
        }
      })
    const letters = createOutbox(knex)
    let looks = 0
    const claim: typeof letters.claim = (asked) => {
      looks += 1
      return letters.claim(asked)
    }
    await writeLetter(knex)
    const postman = begin({ letters: { ...letters, claim } })
    while (server.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const stopped = postman.stop(60_000)
    const looksSoFar = looks
    letGo()
    await stopped
    expect((await statusOf(knex)).state).toBe('sent')
    expect(looks).toBe(looksSoFar)
  })

  it('breaks a letter off that takes too long when it stops; another sends it', async () => {
    server.verdict = () => 'never'
    await writeLetter(knex)
    const postman = begin()
    while (server.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await postman.stop(0)
    await untilStatus(knex, ({ failure }) => failure?.code === 'mail.stopped')
    server.verdict = () => 'take'
    begin()
    expect((await untilStatus(knex, isSent)).attempts).toBe(2)
  })

  it('waits for a database in trouble, and says so once', async () => {
    const letters = createOutbox(knex)
    let failing = 3
    await writeLetter(knex)
    const postman = begin({
      letters: {
        ...letters,
        claim: (asked) => {
          failing -= 1
          return failing >= 0 ? Promise.reject(new Error('no connection')) : letters.claim(asked)
        },
      },
    })
    await untilStatus(knex, isSent)
    expect(postman.logged.map(([level]) => level)).toEqual(['warn', 'info'])
  })

  it('looks at once when it is woken', async () => {
    const postman = begin({ times: { ...quick, look: 3_600_000 } })
    await writeLetter(knex)
    postman.wake()
    await untilStatus(knex, isSent)
  })

  it('writes letters to the log where there is no mail server, and counts them as sent', async () => {
    const lines: unknown[][] = []
    await writeLetter(knex)
    begin({ carrier: createLogCarrier({ info: (...line: unknown[]) => void lines.push(line) }) })
    await untilStatus(knex, isSent)
    expect(lines).toHaveLength(1)
    expect(lines[0]?.[0]).toMatchObject({
      recipient: 'anna@example.org',
      subject: 'Import for helping-hands finished: 3 of 5 rows imported, 1 invalid',
    })
    expect(JSON.stringify(lines[0])).toContain('https://portals.example.com/imports/import-1')
  })

  it('says in the log which letter was sent, and to nobody whom', async () => {
    await writeLetter(knex)
    const postman = begin()
    await untilStatus(knex, isSent)
    await postman.stop()
    const fields = { organizationId: 1, importId: 'import-1', attempts: 1 }
    expect(postman.logged).toMatchObject([['info', fields, 'a letter was sent']])
    expect(JSON.stringify(postman.logged)).not.toContain('anna')
  })
})
