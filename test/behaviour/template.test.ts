import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { rowsOf } from '../support/csv.ts'
import { startService, type Service } from '../support/service.ts'

const expected = readFileSync(join(import.meta.dirname, 'users-template.expected.csv'), 'utf8')

describe('the template', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  const get = (): Promise<Response> => fetch(`${service.url}/api/template/organization/users.csv`)

  it('is there without a token, as a file to keep', async () => {
    const answer = await get()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename=".+\.csv"$/)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('set-cookie')).toBeNull()
    await expect(answer.text()).resolves.toBe(expected)
  })

  it('has a length and no body for HEAD', async () => {
    const answer = await fetch(`${service.url}/api/template/organization/users.csv`, { method: 'HEAD' })
    expect(answer.headers.get('content-length')).toBe(String(Buffer.byteLength(expected)))
    await expect(answer.text()).resolves.toBe('')
  })

  it('is imported when an owner posts it as it is, and again changes nothing', async () => {
    const template = await (await get()).text()
    const first = rowsOf((await service.post(template)).text)
    expect(first.map(({ disposition }) => disposition)).toEqual(Array(4).fill('imported'))
    const second = await service.post(template, { query: 'dispositions=detailed' })
    expect(rowsOf(second.text).map(({ disposition }) => disposition)).toEqual(Array(4).fill('unchanged'))
    expect(rowsOf(second.text).map(({ id }) => id)).toEqual(first.map(({ id }) => id))
  })
})
