import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { rowsOf } from '../support/csv.ts'
import { startService, type Service } from '../support/service.ts'

const count = 300

describe('two imports of the same users at the same time', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  const rowsNamed = (name: string): string[] =>
    Array.from({ length: count }, (_, index) => `u-${index},u-${index}@example.com,${name},${name}`)

  const post = async (rows: readonly string[]) => {
    const upload = `slug,email,givenName,familyName\n${rows.join('\n')}\n`
    const { status, text } = await service.post(upload, { query: 'dispositions=detailed' })
    expect(status).toBe(200)
    return rowsOf(text)
  }

  it('in opposite order both finish, and each user is as one of them left it, ten times', async () => {
    for (let round = 0; round < 10; round += 1) {
      const answers = await Promise.all([
        post(rowsNamed(`a${round}`)),
        post(rowsNamed(`b${round}`).reverse()),
        fetch(`${service.url}/readyz`).then(({ status }) => {
          expect(status).toBe(200)
        }),
      ])
      for (const rows of answers.slice(0, 2) as Record<string, string>[][]) {
        expect(rows).toHaveLength(count)
        expect(rows.filter(({ errors }) => errors !== '')).toEqual([])
      }
      const users = await service.knex('users').select('given_name', 'family_name')
      expect(users).toHaveLength(count)
      for (const user of users) {
        expect(user.given_name).toMatch(new RegExp(`^[ab]${round}$`))
        expect(user.family_name).toBe(user.given_name)
      }
    }
  })

  it('create each user once', async () => {
    await service.knex('users').delete()
    const answers = await Promise.all([post(rowsNamed('a')), post(rowsNamed('b').reverse())])
    const created = answers.flat().filter(({ disposition }) => disposition === 'created')
    expect(created).toHaveLength(count)
  })

  it('are many: twelve at once all end, or are told to come back', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        service.post(`slug,email,givenName,familyName\n${rowsNamed(`c${index}`).join('\n')}\n`),
      ),
    )
    expect(answers.map(({ status }) => status)).toContain(200)
    for (const { status, text } of answers) {
      expect([200, 429, 503]).toContain(status)
      if (status === 200) expect(rowsOf(text)).toHaveLength(count)
    }
  })
})
