import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { rowsOf } from '../support/csv.ts'
import { jsonOf, type Exchange } from '../support/receipts.ts'
import {
  ask,
  eventually,
  holdImports,
  numberedMembers,
  postMembers,
  programOf,
  resultAt,
  untilImport,
  type Caller,
} from '../support/members.ts'
import { startService, type Service } from '../support/service.ts'

const digestOf = ({ bytes }: Exchange): string =>
  `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`

describe('the result of an import of members', () => {
  let service: Service
  let owner: Caller
  let location: string
  let letGo: () => Promise<void> = () => Promise.resolve()

  beforeAll(async () => {
    service = await startService()
    owner = await programOf(service)
    location = await postMembers(service, owner, [
      {
        emailAddress: 'Ada@example.com',
        givenName: 'Ada',
        familyName: 'Lovelace, "Countess"',
        displayName: 'Ada L.',
        recoveryEmail: 'ada@example.org',
        makeAdmin: true,
        isMfaDisabled: false,
      },
      { emailAddress: 'no address', givenName: '=1+1' },
      { emailAddress: 'bob@example.com', givenName: null, makeAdmin: null },
    ])
    await untilImport(service, owner, location)
  })
  afterEach(() => letGo())
  afterAll(() => service.close())

  const result = (accept?: string, query = '', place = location): Promise<Exchange> =>
    ask(service, owner, {
      path: `${place}/result${query}`,
      headers: accept === undefined ? {} : { Accept: accept },
    })

  it('is JSON: every member in order, with what became of it', async () => {
    const answer = await result()
    expect(answer).toMatchObject({ status: 200, complete: true })
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-disposition': 'attachment; filename="members.result.json"',
      'import-state': 'finished',
    })
    const id = expect.stringMatching(/^[\w-]{36}$/)
    expect(jsonOf(answer)).toEqual({
      members: [
        {
          member: 1,
          disposition: 'imported',
          id,
          faults: [],
          emailAddress: 'Ada@example.com',
          givenName: 'Ada',
          familyName: 'Lovelace, "Countess"',
          displayName: 'Ada L.',
          recoveryEmail: 'ada@example.org',
          makeAdmin: true,
          isMfaDisabled: false,
        },
        {
          member: 2,
          disposition: 'invalid',
          id: null,
          faults: [
            {
              column: 'emailAddress',
              code: 'emailAddress.invalid',
              message: expect.stringMatching(/^emailAddress must be a valid email, but has no address/),
              value: 'no address',
            },
          ],
          emailAddress: 'no address',
          givenName: '=1+1',
          familyName: null,
          displayName: null,
          recoveryEmail: null,
          makeAdmin: null,
          isMfaDisabled: null,
        },
        {
          member: 3,
          disposition: 'imported',
          id,
          faults: [],
          emailAddress: 'bob@example.com',
          givenName: null,
          familyName: null,
          displayName: null,
          recoveryEmail: null,
          makeAdmin: null,
          isMfaDisabled: null,
        },
      ],
    })
  })

  it('is CSV for who wants that, and says the same', async () => {
    const answer = await result('text/csv')
    expect(answer.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="members.result.csv"',
      'cache-control': 'no-store',
    })
    const [head] = answer.text.split('\n')
    expect(head).toBe(
      'disposition,errors,id,emailAddress,givenName,familyName,displayName,recoveryEmail,makeAdmin,isMfaDisabled',
    )
    const [ada, nobody, bob] = await resultAt(service, owner, location)
    expect(rowsOf(answer.text)).toEqual([
      {
        disposition: 'imported',
        errors: '',
        id: ada!.id,
        emailAddress: 'Ada@example.com',
        givenName: 'Ada',
        familyName: 'Lovelace, "Countess"',
        displayName: 'Ada L.',
        recoveryEmail: 'ada@example.org',
        makeAdmin: 'true',
        isMfaDisabled: 'false',
      },
      expect.objectContaining({
        disposition: 'invalid',
        errors: `Validation error: ${nobody!.faults[0]!.message}`,
        id: '',
        emailAddress: 'no address',
      }),
      expect.objectContaining({ disposition: 'imported', id: bob!.id, makeAdmin: '', isMfaDisabled: '' }),
    ])
  })

  it.each([
    ['application/json', 'application/json'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['text/*', 'text/csv'],
    ['text/csv;q=0.5, application/json;q=0.4', 'text/csv'],
    ['text/csv, application/json', 'text/csv'],
    ['application/json;q=0, */*', 'text/csv'],
    ['text/csv; charset=utf-8; header=present', 'text/csv'],
    ['TEXT/CSV', 'text/csv'],
    ['text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8', 'application/json'],
    ['', 'application/json'],
  ])('asked for by Accept: %s is %s', async (accept, type) => {
    const answer = await result(accept)
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toContain(type)
  })

  it.each(['application/x-ndjson', 'text/html', 'image/*', 'application/json;q=0', 'nonsense'])(
    'asked for by Accept: %s is a 406',
    async (accept) => {
      const answer = await result(accept)
      expect(jsonOf(answer)).toMatchObject({ status: 406, code: 'accept.not_acceptable' })
      expect(answer.text).toContain('application/json or text/csv')
    },
  )

  it('may leave out all but the invalid members', async () => {
    const { members } = jsonOf(await result(undefined, '?only=invalid')) as { members: object[] }
    expect(members).toEqual([(await resultAt(service, owner, location))[1]])
    const csv = await result('text/csv', '?only=invalid')
    expect(rowsOf(csv.text)).toMatchObject([{ disposition: 'invalid' }])
  })

  it.each(['application/json', 'text/csv'])(
    'as %s ends with its summary and digest, byte for byte the same each time',
    async (accept) => {
      for (const query of ['', '?only=invalid']) {
        const [first, second] = [await result(accept, query), await result(accept, query)]
        expect(first.bytes.equals(second.bytes)).toBe(true)
        expect(first.trailers).toEqual({
          'import-summary': 'rows=3, imported=2, invalid=1, skipped=0',
          'repr-digest': digestOf(first),
        })
      }
    },
  )

  it('has no body for HEAD', async () => {
    for (const accept of ['application/json', 'text/csv']) {
      const answer = await ask(service, owner, {
        method: 'HEAD',
        path: `${location}/result`,
        headers: { Accept: accept },
      })
      expect(answer).toMatchObject({ status: 200, text: '', complete: true })
      expect(answer.headers['content-type']).toContain(accept)
    }
  })

  /** Begins to read a result that still grows; resolves when that much of it has come. */
  async function readingFrom(place: string, accept: string, seenFirst: string) {
    let seen = ''
    const answer = ask(service, owner, {
      path: `${place}/result`,
      headers: { Accept: accept },
      onData: (soFar) => (seen = soFar),
    })
    await eventually(
      () => Promise.resolve(seen),
      (text) => text.includes(seenFirst),
    )
    return { answer }
  }

  it.each(['application/json', 'text/csv'])(
    'as %s grows while it is read, and is whole at the end',
    async (accept) => {
      letGo = await holdImports(service.knex, 1)
      const place = await postMembers(service, owner, numberedMembers(100, 1_300))
      const { answer } = await readingFrom(place, accept, 'm-100@example.com')
      const running = await ask(service, owner, { path: place })
      expect(jsonOf(running)).toMatchObject({
        state: 'running',
        endedAt: null,
        progress: { rowsTotal: 1_200, startedAt: expect.any(String) },
      })
      expect(running.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      const { rowsDone } = (jsonOf(running) as { progress: { rowsDone: number } }).progress
      expect(rowsDone).toBeGreaterThan(0)
      expect(rowsDone).toBeLessThan(1_200)
      const head = await ask(service, owner, { method: 'HEAD', path: `${place}/result` })
      expect(head).toMatchObject({ status: 200, text: '' })
      expect(head.headers['import-state']).toBe('running')
      await letGo()
      const followed = await answer
      expect(followed.complete).toBe(true)
      expect(followed.trailers).toEqual({
        'import-summary': 'rows=1200, imported=1200, invalid=0, skipped=0',
        'repr-digest': digestOf(followed),
      })
      const whole = await result(accept, '', place)
      expect(whole.bytes.equals(followed.bytes)).toBe(true)
      expect(await resultAt(service, owner, place)).toHaveLength(1_200)
    },
  )

  it.each(['application/json', 'text/csv'])(
    'as %s is broken off where the import is stopped while it is read',
    async (accept) => {
      letGo = await holdImports(service.knex, 1)
      const place = await postMembers(service, owner, numberedMembers(2_000, 4_000))
      const { answer } = await readingFrom(place, accept, 'm-2000@example.com')
      expect((await ask(service, owner, { method: 'DELETE', path: place })).status).toBe(202)
      const followed = await answer
      expect(followed.complete).toBe(false)
      expect(followed.trailers).toEqual({})
      const aborted = await untilImport(service, owner, place)
      expect(aborted).toMatchObject({ state: 'aborted', reason: { code: 'import.stopped' } })

      // What is there by then is read to a clean end.
      const rest = await result(accept, '', place)
      expect(rest).toMatchObject({ status: 200, complete: true })
      expect(rest.headers['import-state']).toBe('aborted')
      expect(rest.trailers['repr-digest']).toBe(digestOf(rest))
      const members = await resultAt(service, owner, place)
      expect(members).toHaveLength(aborted.counts['members']!)
      // As many are in the database, and no more.
      const [row] = await service
        .knex('users')
        .whereRaw(`email ~ '^m-(2|3)[0-9]{3}@'`)
        .count<{ count: string }[]>('* as count')
      expect(Number(row!.count)).toBeGreaterThanOrEqual(members.length)
    },
  )
})
