import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { importPath, startService, type Service } from '../support/service.ts'

const portal = 'https://portal.example.com'

describe('a portal on another origin', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService({
      settings: { ALLOWED_ORIGINS: `${portal}, https://other.example.com:8443` },
    })
  })
  afterAll(() => service.close())

  const preflight = (origin: string): Promise<Response> =>
    fetch(`${service.url}${importPath}`, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type',
      },
    })

  it.each([
    'https://evil.example',
    'http://portal.example.com',
    `${portal}.evil.example`,
    `${portal}:444`,
    'null',
  ])('gets no leave where it is %s', async (origin) => {
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull()
    const { headers } = await service.post('email\n', { headers: { Origin: origin } })
    expect(headers.get('access-control-allow-origin')).toBeNull()
  })

  it('is told nothing by an OPTIONS that is no preflight: it is a method like any other', async () => {
    const statuses = ['/nothing', importPath].map(async (path) => {
      const { status, headers } = await fetch(`${service.url}${path}`, { method: 'OPTIONS' })
      return [status, headers.get('access-control-allow-methods')]
    })
    expect(await Promise.all(statuses)).toEqual([
      [404, null],
      [405, null],
    ])
  })

  it('may ask before it posts, without a token', async () => {
    const { status, headers } = await preflight(portal)
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe(portal)
    expect(headers.get('access-control-allow-methods')).toContain('POST')
    expect(headers.get('access-control-allow-headers')).toMatch(/authorization/i)
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    expect(headers.get('vary')).toMatch(/origin/i)
  })

  it.each([
    ['an answer', 200, {}],
    ['a refusal', 401, { Authorization: 'Bearer x' }],
  ])('may read %s and the headers that it needs', async (_what, status, more) => {
    const answer = await service.post('email\n', { headers: { Origin: portal, ...more } })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('access-control-allow-origin')).toBe(portal)
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    expect(answer.headers.get('vary')).toMatch(/origin/i)
    const exposed = answer.headers.get('access-control-expose-headers')?.toLowerCase().split(/, ?/)
    for (const name of [
      'import-id',
      'location',
      'import-charset',
      'import-delimiter',
      'preference-applied',
      'retry-after',
    ]) {
      expect(exposed).toContain(name)
    }
  })
})
