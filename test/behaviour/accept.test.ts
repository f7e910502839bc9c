import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startService, type Service } from '../support/service.ts'

const upload = 'email\nanna@example.com\n'

describe('the Accept header', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  const post = (accept: string) => service.post(upload, { headers: { Accept: accept } })

  it.each([
    'text/csv; charset=utf-8',
    'text/csv; charset=utf-8; header=present',
    'text/csv;charset="utf-8"',
    'TEXT/CSV; Charset=UTF-8; q=0.5',
    'text/html, text/csv; charset=utf-8; q=0.1',
    'application/x-ndjson; charset=utf-8; q=0.1, text/csv; header=present; q=0.9',
  ])('is CSV for %s', async (accept) => {
    const { status, headers, text } = await post(accept)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(text).toBe('disposition,errors,email\nimported,,anna@example.com\n')
  })

  it.each([
    'application/x-ndjson; charset=utf-8',
    'application/x-ndjson; charset=utf-8;q=0.9, text/plain',
    'text/csv; charset=utf-8; q=0.1, application/x-ndjson; charset=utf-8; q=0.9',
    'text/csv; charset=utf-8; q=0, application/x-ndjson; charset=utf-8',
  ])('is NDJSON for %s', async (accept) => {
    const { status, headers, text } = await post(accept)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toMatch(/^application\/x-ndjson/)
    expect(JSON.parse(text)).toMatchObject({ row: 2, disposition: 'imported' })
  })

  it.each([
    'text/html',
    'text/html; charset=utf-8',
    'text/plain; header=present, application/json',
    'text/csv;q=0',
    'text/csv; charset=utf-8; q=0',
    'text/csv; charset=utf-8; q=0.0, application/x-ndjson;q=0',
  ])('is refused with 406 where it leaves neither: %s', async (accept) => {
    const { status, headers, text } = await post(accept)
    expect(status).toBe(406)
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(JSON.parse(text)).toMatchObject({ status: 406, code: 'accept.not_acceptable' })
  })
})
