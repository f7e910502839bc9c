import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { rowsOf } from '../support/csv.ts'
import { startService, type Service } from '../support/service.ts'

const expected = readFileSync(join(import.meta.dirname, 'users-template.expected.csv'), 'utf8')

describe('the template', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  const path = '/api/template/organization/users.csv'

  it('is there without a token, as a file to keep', async () => {
    const { headers } = await request(service.url)
      .get(path)
      .expect(200, expected)
      .expect('Content-Type', 'text/csv; charset=utf-8; header=present')
      .expect('Content-Disposition', /^attachment; filename=".+\.csv"$/)
      .expect('X-Content-Type-Options', 'nosniff')
    expect(headers).not.toHaveProperty('set-cookie')
  })

  it('has a length and no body for HEAD', async () => {
    const length = String(Buffer.byteLength(expected))
    const { text } = await request(service.url).head(path).expect(200).expect('Content-Length', length)
    expect(text).toBeUndefined()
  })

  it('is imported when an owner posts it as it is, and again changes nothing', async () => {
    const { text: template } = await request(service.url).get(path)
    const first = rowsOf((await service.post(template)).text)
    expect(first.map(({ disposition }) => disposition)).toEqual(Array(4).fill('imported'))
    const second = await service.post(template, { query: 'dispositions=detailed' })
    expect(rowsOf(second.text).map(({ disposition }) => disposition)).toEqual(Array(4).fill('unchanged'))
    expect(rowsOf(second.text).map(({ id }) => id)).toEqual(first.map(({ id }) => id))
  })
})
