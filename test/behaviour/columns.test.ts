import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { columnNames, columns, type ColumnName } from '../../src/users/columns.ts'
import type { ColumnDescription, Permission, UploadDescription } from '../../src/users/describe-columns.ts'
import { rowsOf } from '../support/csv.ts'
import { startService, type Service } from '../support/service.ts'

type Body = UploadDescription & {
  readonly header: { readonly rule: string; readonly oneOf: readonly string[] }
}
type Cells = Readonly<Record<string, string>>

const owner = 'organization_owner'
const member = 'organization_member'
const constituent = 'organization_constituent'

/** For each column values that are neither blank nor the default; where few are allowed, another that is good. */
const values: Readonly<Record<ColumnName, readonly string[]>> = {
  id: ['x'.repeat(36)],
  slug: ['other'],
  providerType: ['Google'],
  providerId: ['p-1'],
  active: ['FALSE'],
  status: ['suspended', 'active'],
  email: ['other@example.com'],
  emailVerified: ['TRUE'],
  phoneNumber: ['+41446681800'],
  phoneNumberVerified: ['TRUE'],
  name: ['Anna Belle'],
  givenName: ['Anna'],
  familyName: ['Belle'],
  middleName: ['G'],
  nickName: ['Annie'],
  preferredUsername: ['anna'],
  profile: ['https://example.com/a'],
  picture: ['https://example.com/b'],
  website: ['https://example.com/c'],
  gender: ['x'],
  birthdate: ['1990-05-04'],
  zoneinfo: ['Europe/Paris'],
  locale: ['de'],
  addressLine1: ['a'],
  addressLine2: ['b'],
  addressCity: ['c'],
  addressState: ['d'],
  addressPostal: ['e'],
  addressCountry: ['f'],
  roles: [member, owner],
}

describe('the description of the columns', () => {
  let service: Service
  let number = 0

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  async function get(token: string, query = '', method = 'GET'): Promise<Response> {
    return fetch(`${service.url}/api/columns.json${query}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
    })
  }

  const described = async (role: string): Promise<Body> =>
    (await (await get(await service.token({ role }))).json()) as Body

  it('needs a token that is good, and for an organization that is there', async () => {
    expect((await fetch(`${service.url}/api/columns.json`)).status).toBe(401)
    expect((await get('e30.e30.e30')).status).toBe(401)
    expect((await get(await service.token({ organization: 'nowhere' }))).status).toBe(404)
  })

  it('has no parameters, and is for reading', async () => {
    const token = await service.token()
    expect((await get(token, '?role=organization_owner')).status).toBe(400)
    expect((await get(token, '', 'POST')).status).toBe(405)
    const head = await get(token, '', 'HEAD')
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('is JSON that nobody keeps', async () => {
    const answer = await get(await service.token())
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('lists all columns in their order, each with the same things', async () => {
    const body = await described(owner)
    expect(Object.keys(body)).toEqual(['header', 'role', 'mayImport', 'mayGrant', 'limits', 'columns'])
    expect(body.header.oneOf).toEqual(['id', 'slug', 'email'])
    expect(body.columns.map(({ name }) => name)).toEqual(columnNames)
    const keys = Object.keys(body.columns[0]!)
    for (const column of body.columns) {
      expect(Object.keys(column)).toEqual(keys)
      expect(Object.values(column)).not.toContain('')
    }
    const named = (name: ColumnName) => body.columns.find((column) => column.name === name)!
    expect(named('email')).toEqual({
      name: 'email',
      rule: 'email must be a valid email',
      type: 'string',
      description: expect.any(String),
      examples: ['anna@example.com'],
      default: null,
      required: true,
      values: null,
      maxLength: null,
      lineBreaks: false,
      clearable: false,
      mayCreate: { allowed: 'always', values: null, when: null },
      mayUpdate: { allowed: 'always', values: null, when: null },
    })
    expect(named('status')).toMatchObject({ values: ['invited', 'active', 'suspended'], default: 'invited' })
    expect(named('roles')).toMatchObject({ type: 'list', values: [owner, member, constituent] })
    expect(named('emailVerified')).toMatchObject({ type: 'boolean', default: 'FALSE', clearable: true })
    expect(named('website')).toMatchObject({ maxLength: 2048, values: null })
    expect(named('addressLine1')).toMatchObject({ maxLength: 255, lineBreaks: true })
    expect(named('gender')).toMatchObject({ maxLength: 64, lineBreaks: false })
  })

  it('says limits that the rules have', async () => {
    for (const { name, maxLength, values: known, examples } of (await described(owner)).columns) {
      const schema = columns.find((column) => column.name === name)!.schema({ today: '2026-11-22' })
      for (const good of [...examples, ...(known ?? [])])
        expect([name, schema.isValidSync(good)]).toEqual([name, true])
      if (known !== null) expect([name, schema.isValidSync('else')]).toEqual([name, false])
      if (maxLength === null) continue
      const text = (length: number): string => (name === 'slug' ? '' : 'https://').padEnd(length, 'x')
      expect([name, schema.isValidSync(text(maxLength))]).toEqual([name, true])
      expect([name, schema.isValidSync(text(maxLength + 1))]).toEqual([name, false])
    }
  })

  it.each([constituent, 'admin'])('says to %s that he may set nothing', async (role) => {
    const body = await described(role)
    expect(body).toMatchObject({ role: null, mayImport: false, mayGrant: [] })
    for (const { mayCreate, mayUpdate } of body.columns)
      expect([mayCreate.allowed, mayUpdate.allowed]).toEqual(['never', 'never'])
  })

  it('counts the strongest of several roles', async () => {
    expect(await described(member)).toMatchObject({ role: member, mayImport: true, mayGrant: [constituent] })
    expect(await described(owner)).toMatchObject({ role: owner, mayGrant: [owner, member, constituent] })
  })

  describe.each([owner, member])('agrees with an import by %s', (role) => {
    let body: Body
    let token: string

    beforeAll(async () => {
      token = await service.token({ role })
      body = await described(role)
    })

    async function isAllowed(cells: Cells): Promise<boolean> {
      const upload = `${Object.keys(cells).join(',')}\n${Object.values(cells).join(',')}\n`
      const [row] = rowsOf((await service.post(upload, { token, query: 'dispositions=detailed' })).text)
      expect(['created', 'updated', 'invalid']).toContain(row?.['disposition'])
      return row?.['disposition'] !== 'invalid'
    }

    /** Somebody new; his number makes him unique. */
    async function user(cells: Cells = {}): Promise<string> {
      number += 1
      const slug = `${role}-${number}`
      const all = { slug, email: `${slug}@example.com`, ...cells }
      const upload = `${Object.keys(all).join(',')}\n${Object.values(all).join(',')}\n`
      expect((await service.post(upload)).text).toContain('\nimported,')
      return slug
    }

    const uniquely = (name: ColumnName, value: string): string => {
      number += 1
      if (name === 'email') return `${number}-${value}`
      return ['slug', 'providerId'].includes(name) ? `${value}-${number}` : value
    }

    const withType = (name: ColumnName): Cells =>
      name === 'providerId' ? { providerType: 'Provisioned' } : {}

    /** Whether the description allows a value: what is said in words is left to `whenAllowed`. */
    function expected({ allowed, values: only }: Permission, value: string, whenAllowed: boolean): boolean {
      if (allowed !== 'sometimes') return allowed === 'always'
      return only === null ? whenAllowed : only.includes(value)
    }

    const describedAs = (name: ColumnName): ColumnDescription =>
      body.columns.find((each) => each.name === name)!

    it.each(columnNames)('that sets %s of a new user', async (name) => {
      const { mayCreate } = describedAs(name)
      for (const value of [...values[name], ...(mayCreate.values ?? [])]) {
        number += 1
        const cells = {
          email: `new-${role}-${number}@example.com`,
          ...withType(name),
          [name]: uniquely(name, value),
        }
        expect([value, await isAllowed(cells)]).toEqual([value, expected(mayCreate, value, false)])
      }
    })

    it.each(columnNames)('that changes %s of a constituent', async (name) => {
      const { mayUpdate } = describedAs(name)
      for (const status of ['invited', 'active']) {
        for (const value of [...values[name], ...(mayUpdate.values ?? [])]) {
          if (name === 'status' && value === status) continue
          const slug = await user({ status })
          const email = `${slug}@example.com`
          const cells: Cells = {
            ...(name === 'slug' ? { email } : { slug }),
            ...withType(name),
            [name]: uniquely(name, value),
          }
          const wanted = expected(mayUpdate, value, status === 'invited')
          // Found by e-mail, which is weaker, nobody changes the slug; an id of his own he has.
          if (name === 'slug') {
            const [{ id }] = await service.knex('users').where({ slug })
            expect([value, await isAllowed({ id, slug: cells[name] ?? '' })]).toEqual([value, wanted])
          } else expect([status, value, await isAllowed(cells)]).toEqual([status, value, wanted])
        }
      }
    })

    it('in whom he may change', async () => {
      for (const roles of [owner, member, constituent]) {
        const slug = await user({ roles })
        const mayChange = body.mayGrant.some((each) => each === roles)
        expect([roles, await isAllowed({ slug, name: 'Other' })]).toEqual([roles, mayChange])
      }
    })

    it('in what a new user needs', async () => {
      for (const { name, required } of body.columns) {
        if (name === 'id') continue
        number += 1
        const needed = { slug: `needed-${number}-${role}`, email: `needed-${number}-${role}@example.com` }
        const cells = Object.fromEntries(Object.entries(needed).filter(([each]) => each !== name))
        expect([name, await isAllowed(cells)]).toEqual([name, !required])
      }
    })
  })
})

describe('the rule for names of the header', () => {
  it('is true of its own examples', async () => {
    const { comparable, headerRule } = await import('../../src/csv/header-names.ts')
    for (const name of ['E-Mail', 'e_mail', 'email', ' E mail', 'e.mail'])
      expect(comparable(name)).toBe(comparable('email'))
    expect(headerRule).toContain('E-Mail and e_mail mean email')
  })
})
