import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request, { type Test } from 'supertest'
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

  const preflight = (origin: string): Test =>
    request(service.url).options(importPath).set({
      Origin: origin,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,content-type',
    })

  it.each([
    'https://evil.example',
    'http://portal.example.com',
    `${portal}.evil.example`,
    `${portal}:444`,
    'null',
  ])('gets no leave where it is %s', async (origin) => {
    const asked = await preflight(origin)
    expect(asked.headers).not.toHaveProperty('access-control-allow-origin')
    const { headers } = await service.post('email\n', { headers: { Origin: origin } })
    expect(headers.get('access-control-allow-origin')).toBeNull()
  })

  it('is told nothing by an OPTIONS that is no preflight: it is a method like any other', async () => {
    for (const [path, status] of [
      ['/nothing', 404],
      [importPath, 405],
    ] as const) {
      const { headers } = await request(service.url).options(path).expect(status)
      expect(headers).not.toHaveProperty('access-control-allow-methods')
    }
  })

  it('may ask before it posts, without a token', async () => {
    const { headers } = await preflight(portal)
      .expect(204)
      .expect('Access-Control-Allow-Origin', portal)
      .expect('Access-Control-Allow-Methods', /POST/)
      .expect('Access-Control-Allow-Headers', /authorization/i)
      .expect('Vary', /origin/i)
    expect(headers).not.toHaveProperty('access-control-allow-credentials')
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
