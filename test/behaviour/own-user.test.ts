import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { rowsOf } from '../support/csv.ts'
import { startService, type Service, type TokenFor } from '../support/service.ts'

describe('the rights of owners', () => {
  let service: Service
  let ada: string
  let bob: string

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  beforeEach(async () => {
    await service.knex('users').delete()
    const { text } = await service.post(
      'id,slug,email,status,roles\n' +
        ',ada,ada@example.com,active,organization_owner\n' +
        ',bob,bob@example.com,active,organization_owner\n' +
        ',cy,cy@example.com,active,organization_constituent\n',
    )
    ;[ada = '', bob = ''] = rowsOf(text).map((row) => row['id'] ?? '')
  })

  const owners = (): Promise<string[]> =>
    service
      .knex('users')
      .whereRaw("roles @> '{organization_owner}' and active and status <> 'suspended'")
      .orderBy('slug')
      .pluck('slug')

  async function importAs(claims: TokenFor, csv: string) {
    const { text, status } = await service.post(csv, { token: await service.token(claims) })
    expect(status).toBe(200)
    return rowsOf(text)
  }

  const takings = ['roles\nX,organization_member', 'status\nX,suspended', 'active\nX,FALSE', 'active\nX,nein']
  const takesAway = takings
    .slice(0, 3)
    .flatMap((taking) => ['slug', 'email', 'id'].map((key) => [key, taking] as const))

  it.each(takesAway)(
    'are not taken from the caller himself, told by sub (by %s: %j)',
    async (key, taking) => {
      const value = { slug: 'ada', email: 'ada@example.com', id: ada }[key]
      const [row] = await importAs(
        { subject: ada, email: 'cy@example.com' },
        `${key},${taking}\n`.replace('X', value ?? ''),
      )
      expect(row).toMatchObject({ disposition: 'invalid', errors: expect.stringContaining('your own user') })
      await expect(owners()).resolves.toEqual(['ada', 'bob'])
    },
  )

  it.each(takesAway)(
    'are not taken from the caller himself, told by e-mail (by %s: %j)',
    async (key, taking) => {
      const value = { slug: 'ada', email: 'ada@example.com', id: ada }[key]
      const [row] = await importAs(
        { subject: 'not-an-id', email: 'Ada@EXAMPLE.com' },
        `${key},${taking}\n`.replace('X', value ?? ''),
      )
      expect(row).toMatchObject({ disposition: 'invalid', errors: expect.stringContaining('your own user') })
      await expect(owners()).resolves.toEqual(['ada', 'bob'])
    },
  )

  it('stay with the caller though an earlier row of the file changed his e-mail', async () => {
    const rows = await importAs(
      { subject: 'not-an-id', email: 'ada@example.com' },
      'slug,email,status\nada,ada.new@example.com,\nada,,suspended\n',
    )
    expect(rows.map(({ disposition }) => disposition)).toEqual(['imported', 'invalid'])
    await expect(owners()).resolves.toEqual(['ada', 'bob'])
  })

  it('stay with the caller though the same row changes his e-mail', async () => {
    const [row] = await importAs(
      { subject: 'not-an-id', email: 'ada@example.com' },
      'slug,email,status\nada,ada.new@example.com,suspended\n',
    )
    expect(row).toMatchObject({ disposition: 'invalid' })
    await expect(owners()).resolves.toEqual(['ada', 'bob'])
  })

  it.each(takings.slice(0, 3))('are not taken from the last active owner: %j', async (taking) => {
    await importAs({ subject: ada }, 'slug,status\nbob,suspended\n')
    const [row] = await importAs({ subject: 'elsewhere' }, `slug,${taking}\n`.replace('X', 'ada'))
    expect(row).toMatchObject({ disposition: 'invalid', errors: expect.stringContaining('an active owner') })
    await expect(owners()).resolves.toEqual(['ada'])
  })

  it('are taken from all but the last of several owners in one file', async () => {
    const rows = await importAs({}, 'slug,roles\nada,organization_member\nbob,organization_member\n')
    expect(rows.map(({ disposition }) => disposition)).toEqual(['imported', 'invalid'])
    await expect(owners()).resolves.toEqual(['bob'])
  })

  it('are taken from both where the file makes another owner first', async () => {
    const rows = await importAs(
      {},
      'slug,roles\ncy,organization_owner\nada,organization_member\nbob,organization_member\n',
    )
    expect(rows.map(({ disposition }) => disposition)).toEqual(['imported', 'imported', 'imported'])
    await expect(owners()).resolves.toEqual(['cy'])
  })

  it('do not count with an owner of another organization', async () => {
    await importAs({ organization: 'other-org' }, 'email,roles\nx@example.com,organization_owner\n')
    await importAs({}, 'slug,status\nbob,suspended\n')
    const [row] = await importAs({}, 'slug,status\nada,suspended\n')
    expect(row).toMatchObject({ disposition: 'invalid' })
  })

  it('survive two files at the same time that each take them from the other', async () => {
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([
        importAs({ subject: ada }, 'slug,roles\nbob,organization_constituent\n'),
        importAs({ subject: bob }, 'slug,roles\nada,organization_constituent\n'),
      ])
      expect(await owners()).toHaveLength(1)
      await importAs({}, 'slug,roles\nada,organization_owner\nbob,organization_owner\n')
    }
  })

  it('stay when the caller says again what is stored of himself, or less than that', async () => {
    const rows = await importAs({ subject: ada }, 'slug,roles,name\nada,Organization_Owner,Ada\n')
    expect(rows[0]).toMatchObject({ disposition: 'imported' })
  })

  it('may be taken from another owner', async () => {
    const rows = await importAs({ subject: ada }, 'slug,roles\nbob,organization_member\n')
    expect(rows[0]).toMatchObject({ disposition: 'imported' })
    await expect(owners()).resolves.toEqual(['ada'])
  })
})
