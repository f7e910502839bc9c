import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { exchange, idOf, upload, type ReceiptJson } from '../support/receipts.ts'
import { importPath, startService, type Service, type TokenFor } from '../support/service.ts'

interface Page {
  readonly imports: readonly ReceiptJson[]
  readonly next: string | null
}

describe('the list of past imports', () => {
  let service: Service
  const made: string[] = []

  const make = async (claims: TokenFor = {}): Promise<string> =>
    idOf(await upload(service, 'email\na@example.com\n', { claims }))

  const page = async (path: string, claims: TokenFor = {}): Promise<Page & { link: string | undefined }> => {
    const { status, text, headers } = await exchange(service, { path, claims })
    expect(status).toBe(200)
    return { ...(JSON.parse(text) as Page), link: headers['link'] as string | undefined }
  }

  beforeAll(async () => {
    service = await startService()
    for (let number = 0; number < 23; number += 1) made.unshift(await make())
  })
  afterAll(() => service.close())

  it('is newest first', async () => {
    const { imports, next } = await page(importPath)
    expect(imports.map(({ id }) => id)).toEqual(made)
    expect(next).toBeNull()
  })

  it('of nobody is empty', async () => {
    expect(await page(importPath, { organization: 'other-org' })).toEqual({
      imports: [],
      next: null,
      link: undefined,
    })
  })

  it.each([1, 5, 22, 23])('in pages of %i has each once, while new ones come in', async (limit) => {
    const expected = [...made]
    const seen: string[] = []
    let path: string | null = `${importPath}?limit=${limit}`
    while (path !== null) {
      const { imports, next, link } = await page(path)
      expect(imports.length).toBeLessThanOrEqual(limit)
      if (next !== null) {
        expect(imports).toHaveLength(limit)
        expect(link).toBe(`<${next}>; rel="next"`)
      } else expect(link).toBeUndefined()
      seen.push(...imports.map(({ id }) => id))
      path = next
      made.unshift(await make())
    }
    expect(seen).toEqual(expected)
  })

  it('has each once even where many began at the same moment', async () => {
    await service.knex('imports').update({ created_at: '2026-11-01T00:00:00.123456Z' })
    const seen: string[] = []
    let path: string | null = `${importPath}?limit=4`
    while (path !== null) {
      const { imports, next }: Page = await page(path)
      seen.push(...imports.map(({ id }) => id))
      path = next
    }
    expect(seen).toHaveLength(made.length)
    expect(new Set(seen)).toEqual(new Set(made))
  })

  it('keeps what was asked for on the next page', async () => {
    for (let number = 0; number < 3; number += 1) {
      await upload(service, 'email\na@example.com\n', {
        headers: { 'Idempotency-Key': 'a key & more' },
        claims: { subject: `s-${number}` },
      })
    }
    const first = await page(`${importPath}?limit=2&idempotencyKey=a%20key%20%26%20more`)
    expect(first.imports).toHaveLength(2)
    const second = await page(first.next!)
    expect(second.imports.map(({ caller }) => caller)).toEqual(['s-0'])
    expect(second.next).toBeNull()
  })

  it('gives the same receipts as their own addresses', async () => {
    const { imports } = await page(`${importPath}?limit=3`)
    for (const receipt of imports) {
      const { text } = await exchange(service, { path: `${importPath}/${receipt.id}` })
      expect(JSON.parse(text)).toEqual(receipt)
    }
  })

  it('of a member goes from page to page through his own', async () => {
    const claims = { role: 'organization_member', subject: 'mia' }
    const own: string[] = []
    for (let number = 0; number < 5; number += 1) {
      own.unshift(await make(claims))
      await make()
    }
    const seen: string[] = []
    let path: string | null = `${importPath}?limit=2`
    while (path !== null) {
      const { imports, next }: Page = await page(path, claims)
      seen.push(...imports.map(({ id }) => id))
      path = next
    }
    expect(seen).toEqual(own)
  })

  it('leads to nowhere else by a cursor that somebody made up', async () => {
    const { imports } = await page(`${importPath}?before=2000-01-01T00:00:00.000000Z~x`)
    expect(imports).toEqual([])
  })
})
