import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'

const secrets = ['geheim', 'Zaphod', 'secret-slug', '+41446681800', 'Beeblebrox']
const personal =
  'slug,email,givenName,phoneNumber\nsecret-slug,geheim@example.com,Zaphod,+41446681800\n' +
  'secret-slug,geheim-2@example.com,Beeblebrox,x\n'

describe('what is logged and said of trouble', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  const said: string[] = []
  afterEach(() => {
    const all = service.logged() + said.join('')
    for (const secret of secrets) expect(all).not.toContain(secret)
    expect(all).not.toMatch(/eyJ[\w-]+\.[\w-]+/)
  })

  it('holds no personal data and no token after a good import', async () => {
    await service.post(personal, { query: 'map=name:Zaphod&unknown=echo' })
    const { text, status } = await service.post(personal)
    expect(status).toBe(200)
    expect(text).toContain('Zaphod')
    expect(service.logged()).toContain('/api/import/organization/users')
  })

  it('holds no token that stood in the URL or was refused', async () => {
    const token = await service.token()
    for (const query of [`access_token=${token}`, `x=${token}`]) {
      const answer = await service.post(personal, { query })
      expect(answer.status).toBe(400)
      said.push(answer.text)
    }
    const answer = await service.post(personal, { token: `${token.slice(0, -4)}AAAA` })
    expect(answer.status).toBe(401)
    said.push(answer.text)
    expect(service.logged()).not.toContain(token.slice(0, 60))
  })

  it('holds no personal data after an upload that broke off', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), length: 10_000 }) + personal)
    await client.until((text) => text.includes('imported'))
    client.destroy()
  })

  it('holds no SQL and no stack after the database refused everything', async () => {
    await service.knex('users').delete()
    await service.knex.raw('alter table users rename to users_away')
    try {
      const answer = await service.post(personal)
      expect([500, 503]).toContain(answer.status)
      expect(answer.text).not.toMatch(/select|insert|users_|node_modules|\bat \w/i)
      said.push(answer.text)
    } finally {
      await service.knex.raw('alter table users_away rename to users')
    }
    expect(service.logged()).toMatch(/"code":"/)
    expect(service.logged()).not.toMatch(/\binsert into\b|\bselect (?:\$|\d)|\bunnest\b/i)
    expect(service.logged()).not.toMatch(/node_modules|\\n {4}at /)
  })

  it('holds no personal data after the database refused to write a row', async () => {
    await service.knex('users').delete()
    await service.knex.raw(`alter table users add constraint odd check (given_name <> 'Zaphod')`)
    try {
      said.push((await service.post('email,slug\nx@example.com,x\n')).text)
      await service.post(personal).catch(() => undefined)
    } finally {
      await service.knex.raw('alter table users drop constraint odd')
    }
  })
})
