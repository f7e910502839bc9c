import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { columnNames, columns, type ColumnName } from '../../src/users/columns.ts'
import { buildUser, type Given } from '../import/builders.ts'
import { writeUsers } from '../import/database-users.ts'
import { numbered, numberedHeader, recordsOf, rowsOf } from '../support/csv.ts'
import { RawClient } from '../support/raw-client.ts'
import { startService, type Answer, type Service } from '../support/service.ts'

const path = '/api/export/organization/users.csv'
const detailed = { query: 'dispositions=detailed' }

type Asked = Readonly<{ method?: string; query?: string; token?: string; headers?: Record<string, string> }>

describe('an export', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  async function get({ method = 'GET', query = '', token, headers }: Asked = {}): Promise<Answer> {
    const authorization = { Authorization: `Bearer ${token ?? (await service.token())}` }
    const answer = await fetch(`${service.url}${path}${query}`, {
      method,
      headers: { ...authorization, ...headers },
    })
    const bytes = Buffer.from(await answer.arrayBuffer())
    return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString() }
  }

  const dispositionsOf = ({ text }: Answer): string[] =>
    rowsOf(text).map(({ disposition, errors }) => `${disposition ?? ''}${errors ?? ''}`)

  const stored = () => service.knex('users').select().orderBy(['organization_id', 'id'])

  describe('is refused', () => {
    it.each(['organization_member', 'organization_constituent', 'admin'])('to %s', async (role) => {
      const answer = await get({ token: await service.token({ role }) })
      expect(answer.status).toBe(403)
      expect(JSON.parse(answer.text)).toMatchObject({
        code: 'role.forbidden',
        detail: 'Only an organization_owner may export users.',
      })
    })

    it('without a token, and with one that is not good', async () => {
      for (const headers of [{ Authorization: '' }, { Authorization: 'Bearer e30.e30.e30' }]) {
        const answer = await get({ headers })
        expect(answer.status).toBe(401)
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
      }
    })

    it('with a token in the URL', async () => {
      expect((await get({ query: `?access_token=${await service.token()}` })).status).toBe(400)
    })

    it('where there is no such organization, as where the token is for another', async () => {
      const nowhere = await get({ token: await service.token({ organization: 'nowhere' }) })
      const other = await fetch(`http://127.0.0.1:${service.port}${path}`, {
        headers: { Authorization: `Bearer ${await service.token({ organization: 'nowhere' })}` },
      })
      expect(nowhere.status).toBe(404)
      expect(await other.text()).toBe(nowhere.text)
    })

    it.each(['?only=invalid', '?x', '?dispositions=detailed&x=1'])(
      'with the parameters %s',
      async (query) => {
        const answer = await get({ query })
        expect(answer.status).toBe(400)
        expect(JSON.parse(answer.text).code).toBe('request.query')
      },
    )

    it('to who does not take CSV, and by another method', async () => {
      expect((await get({ headers: { Accept: 'application/json' } })).status).toBe(406)
      expect((await get({ headers: { Accept: 'text/csv; charset=utf-8' } })).status).toBe(200)
      const answer = await get({ method: 'POST' })
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')).toBe('GET, HEAD')
    })
  })

  it('is a file to keep, and nobody else’s', async () => {
    const { status, headers, text } = await get()
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(headers.get('content-disposition')).toBe('attachment; filename="users.csv"')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('set-cookie')).toBeNull()
    expect(text).toBe(`${columnNames.join(',')}\n`)
  })

  it('has the same head, and no body, for HEAD', async () => {
    await service.post(numberedHeader + numbered(0, 5))
    const head = await get({ method: 'HEAD' })
    expect(head.status).toBe(200)
    expect(head.text).toBe('')
    const token = await service.token({ role: 'organization_member' })
    expect((await get({ method: 'HEAD', token })).status).toBe(403)
    const ofGet = (await get()).headers
    for (const name of ['content-type', 'content-disposition', 'cache-control'])
      expect(head.headers.get(name)).toBe(ofGet.get(name))
  })

  it('holds all users of the organization, and no other’s, in the order of their ids', async () => {
    await service.post(numberedHeader + numbered(0, 1_203))
    const token = await service.token({ organization: 'other-org' })
    await service.post(numberedHeader + numbered(5_000, 5_003), { token })
    const rows = rowsOf((await get()).text)
    const users = (await stored()).filter(({ organization_id }) => organization_id === 1)
    expect(rows.map(({ id }) => id)).toEqual(users.map(({ id }) => id))
    expect(rows.map(({ slug }) => slug)).toEqual(users.map(({ slug }) => slug))
    expect(
      rowsOf((await get({ token })).text)
        .map(({ slug }) => slug)
        .sort(),
    ).toEqual(['u-5000', 'u-5001', 'u-5002'])
  })

  it('changes nothing when it is posted back', async () => {
    await service.post(await (await fetch(`${service.url}/api/template/organization/users.csv`)).text())
    await service.post(numberedHeader + numbered(0, 1_100, '=Given'))
    const before = await stored()
    const { bytes } = await get()
    const answer = await service.post(bytes, detailed)
    expect(new Set(dispositionsOf(answer))).toEqual(new Set(['unchanged']))
    expect(await stored()).toEqual(before)
    expect((await get()).bytes).toEqual(bytes)
  })

  const texts = [
    ...['=1+1', "'=1", "''=1", "'''=1", "'''''@", '+1', '-1', '-1,5', '@x', '-', "'-", "'Anna", '"', "' =1"],
    ...[
      'say "a", b',
      'a;b',
      'Zoë',
      '😀',
      '李',
      'N/A',
      '0',
      'TRUE',
      '4.91E+11',
      '45231',
      '١٢٣',
      '\u202Fx',
      'e\u0301',
    ],
  ]
  const special: Partial<Record<ColumnName, readonly string[]>> = {
    slug: ['=1', '-5', "'=x", "''=x", '+41', '@me', '"', ',', "'", 'Ünï', '😀', 'ǅ'],
    providerType: ['local', 'Google'],
    active: ['0', 'yes', ''],
    status: ['Active', 'SUSPENDED', ''],
    emailVerified: ['TRUE', 'no', ''],
    phoneNumber: ['+1 (415) 555-0132', '+41446681800;ext=12', "'+14155550132", '+49 30 1234'],
    phoneNumberVerified: ['WAHR', ''],
    profile: ['https://example.com/,"x"', 'HTTP://X.example'],
    picture: ['https://bücher.example/=1'],
    website: ['http://x.example'],
    birthdate: ['1990', '0000-02-29', '4.5.1990'],
    zoneinfo: ['utc', 'asia/kolkata', 'Etc/GMT+5'],
    locale: ['en_us', 'zh-Hant-TW'],
    addressLine1: [...texts, 'a\nb', 'a\r\nb', '=a\n"b"', "'\nb", "'\r\nb", "'\n\nb"],
    addressLine2: ['a\rb', "''\nb"],
    roles: ['', 'organization_constituent;organization_member', 'organization_owner'],
  }
  const locals = ['=a', "'=a", "''=a", '+a', '-a', "o'neill", "'", 'jörg', 'a.b', '{|}', '=', '-5']

  it('of whatever the import accepts changes nothing when it is posted back', async () => {
    let number = 0
    const cell = (name: ColumnName): fc.Arbitrary<string> =>
      fc.oneof(
        { weight: 1, arbitrary: fc.constant('') },
        { weight: 3, arbitrary: fc.constantFrom(...(special[name] ?? texts)) },
      )
    const user = fc.tuple(...columnNames.map(cell), fc.constantFrom(...locals)).map((cells) => {
      number += 1
      const given = Object.fromEntries(columnNames.map((name, index) => [name, cells[index] ?? '']))
      const slug = given['slug'] === '' ? '' : `${given['slug'] ?? ''}${number}`
      const email = `${cells.at(-1) ?? ''}@u${number}.example`
      return {
        ...given,
        id: '',
        slug,
        email,
        providerId: given['providerType'] ? `${given['providerId'] ?? ''}${number}` : '',
      }
    })
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
    let imported = 0
    await fc.assert(
      fc.asyncProperty(fc.array(user, { minLength: 1, maxLength: 40 }), async (users: Given[]) => {
        await service.knex('users').delete()
        const lines = users.map((given) => columnNames.map((name) => quoted(given[name] ?? '')).join(','))
        const first = await service.post(`${[columnNames.join(','), ...lines].join('\n')}\n`)
        imported += rowsOf(first.text).filter(({ disposition }) => disposition === 'imported').length
        const before = await stored()
        const { text, bytes } = await get()
        expect(recordsOf(text)).toHaveLength(before.length + 1)
        const answer = await service.post(bytes, detailed)
        expect(new Set(dispositionsOf(answer))).toEqual(new Set(before.length === 0 ? [] : ['unchanged']))
        expect(await stored()).toEqual(before)
      }),
      { numRuns: 40, seed: 20261122 },
    )
    expect(imported).toBeGreaterThan(150)
  })

  it('holds what others stored as it is, and what the import would refuse changes nothing', async () => {
    const odd: Given[] = [
      { name: "'=1", addressLine1: '\n=1', familyName: '\t=x', givenName: '=\u001Fx', nickName: '\u001F' },
      { name: "'''=1", addressLine2: '\r\n', locale: 'no language', gender: 'x'.repeat(300) },
      {
        birthdate: '31.02.1990',
        website: 'javascript:alert(1)',
        zoneinfo: 'Nowhere/None',
        email: 'no address',
      },
      { status: 'left', providerType: 'Other', phoneNumber: '=1+2', slug: 'white space', roles: '' },
      { middleName: '#N/A', name: "'\tx", preferredUsername: '@\u202Ex', addressPostal: '-1-1' },
    ]
    const users = odd.map(buildUser)
    await writeUsers(service.knex, 1, users)
    const before = await stored()
    const { text, bytes } = await get()
    const byId = new Map(rowsOf(text).map((row) => [row['id'], row]))
    const guard: Record<string, string> = {
      "'=1": "'''=1",
      "'''=1": "'''''''=1",
      '\n=1': "'\n=1",
      '\t=x': "'\t=x",
      '=\u001Fx': "'=\u001Fx",
      '\r\n': "'\r\n",
      '=1+2': "'=1+2",
      "'\tx": "'''\tx",
      '@\u202Ex': "'@\u202Ex",
      '-1-1': "'-1-1",
    }
    for (const { id, values } of users) {
      const cells = columns.map(({ name }) => byId.get(id)?.[name])
      expect(cells).toEqual(values.map((value = '') => guard[value] ?? value))
    }
    const answer = dispositionsOf(await service.post(bytes, detailed))
    expect(answer.filter((each) => !each.startsWith('invalid') && each !== 'unchanged')).toEqual([])
    expect(await stored()).toEqual(before)
  })

  it('waits for a reader who is slow, and goes on when he reads again', async () => {
    await service.knex.raw(
      `insert into users (organization_id, id, email, email_key, address_line1)
       select 1, rpad('u' || n, 36, '_'), 'u-' || n || '@example.com', 'u-' || n || '@example.com', repeat('x', 2000)
         from generate_series(1, 8000) n`,
    )
    const client = await RawClient.connect(service)
    client.socket.pause()
    const token = await service.token()
    await client.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    await setTimeout(1_000)
    expect(await service.post('email\nmeanwhile@example.com\n').then(({ text }) => text)).toContain(
      'imported',
    )
    client.socket.resume()
    await client.untilWhole()
    expect(client.body.complete).toBe(true)
    expect(recordsOf(client.body.text).length).toBeGreaterThanOrEqual(8_001)
    client.destroy()
  })

  it('is broken off with a reset when the database fails in the middle, and a status before', async () => {
    await service.knex.raw(
      `insert into users (organization_id, id, email, email_key, address_line1)
       select 1, rpad('u' || n, 36, '_'), 'u-' || n || '@example.com', 'u-' || n || '@example.com', repeat('x', 20000)
         from generate_series(1, 20000) n`,
    )
    const token = await service.token()
    const request = `GET ${path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const client = await RawClient.connect(service)
    client.socket.once('data', () => client.socket.pause())
    await client.write(request)
    await client.until((text) => text.includes('200 OK'))
    await setTimeout(300)
    await service.knex.raw('alter table users rename to users_elsewhere')
    try {
      client.socket.resume()
      expect(await client.ending()).toBe('reset')
      const answer = await get()
      expect(answer.status).toBe(500)
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(answer.text).not.toContain('users_elsewhere')
    } finally {
      await service.knex.raw('alter table users_elsewhere rename to users')
    }
    expect((await get()).status).toBe(200)
  })

  it('ends when its reader goes, and the service goes on', async () => {
    await service.knex.raw(
      `insert into users (organization_id, id, email, email_key, address_line1)
       select 1, rpad('u' || n, 36, '_'), 'u-' || n || '@example.com', 'u-' || n || '@example.com', repeat('x', 2000)
         from generate_series(1, 20000) n`,
    )
    const logged = service.logged().length
    for (let round = 0; round < 5; round += 1) {
      const client = await RawClient.connect(service)
      const token = await service.token()
      await client.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
      await client.until((text) => text.includes('200 OK'))
      client.destroy()
    }
    await setTimeout(200)
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
    expect(service.logged().slice(logged).includes('request failed')).toBe(false)
  })
})
