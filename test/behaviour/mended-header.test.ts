import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { rowsOf } from '../support/csv.ts'
import { startService, type Service } from '../support/service.ts'

describe('an upload whose header or bytes are not as they should be', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  it('is imported with the query strings that its refusal gave', async () => {
    const upload = 'Email Address,Last Name,Birthday,Zip\na@example.com,Belle,1990-05-04,62704\n'
    const refused = await service.post(upload)
    expect(refused.status).toBe(400)
    const { detail } = JSON.parse(refused.text)
    const hints = [...detail.matchAll(/\(\?(map=[^\s)]+)\)/g)].map(([, query]) => query)
    expect(hints).toEqual([
      'map=email:Email%20Address',
      'map=familyName:Last%20Name',
      'map=birthdate:Birthday',
      'map=addressPostal:Zip',
    ])
    const { status, text } = await service.post(upload, { query: hints.join('&') })
    expect(status).toBe(200)
    expect(text).toBe(upload.replace('Email', 'disposition,errors,Email').replace('a@', 'imported,,a@'))
    await expect(
      service.knex('users').select('email', 'family_name', 'birthdate', 'address_postal'),
    ).resolves.toEqual([
      { email: 'a@example.com', family_name: 'Belle', birthdate: '1990-05-04', address_postal: '62704' },
    ])
  })

  it.each(['email,name\n"a"\xEFb,x\n', 'email,name\n"a\xEFb,x\n'])(
    'shows the byte that is no UTF-8 of %j as an escape, in CSV and in NDJSON',
    async (upload) => {
      for (const accept of ['text/csv', 'application/x-ndjson']) {
        const answer = await service.post(Buffer.from(upload, 'latin1'), { headers: { Accept: accept } })
        expect(answer.status).toBe(200)
        expect(answer.text).not.toMatch(/[\uFFFD\uDC80-\uDCFF]|\\u(?:fffd|dc[89a-f])/i)
        expect(answer.text).toMatch(/\\xEF/)
        if (accept === 'text/csv') expect(rowsOf(answer.text)).toMatchObject([{ disposition: 'invalid' }])
      }
      expect(await service.knex('users').pluck('email')).toEqual([])
    },
  )
})
