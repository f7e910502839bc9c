import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { headOf, RawClient } from '../support/raw-client.ts'
import { importPath, startService, type Service, type TokenFor } from '../support/service.ts'

const domain = 'portals.example.com'
const own = `helping-hands.${domain}`
const upload = 'email\nanna@example.com\n'

interface Sent {
  readonly host: string
  readonly headers?: Readonly<Record<string, string>>
  readonly claims?: TokenFor
  readonly token?: string
}

/** fetch doesn't let a caller choose the host. */
async function send(service: Service, { host, headers, claims, token }: Sent) {
  const authorization = `Bearer ${token ?? (await service.token(claims))}`
  return new Promise<{ status: number; body: string; challenge: string | undefined }>((resolve, reject) => {
    const sending = request(`${service.url}${importPath}`, {
      method: 'POST',
      headers: { Host: host, Authorization: authorization, 'Content-Type': 'text/csv', ...headers },
    })
    sending.on('error', reject)
    sending.on('response', (response) => {
      const challenge = response.headers['www-authenticate']
      text(response).then((body) => {
        resolve({ status: response.statusCode ?? 0, body, challenge })
      }, reject)
    })
    sending.end(upload)
  })
}

describe('the host of a request', () => {
  let service: Service
  let trusting: Service

  beforeAll(async () => {
    const settings = { PORTAL_DOMAIN: domain }
    service = await startService({ settings, remoteIssuer: true })
    const proxies = { ...settings, TRUSTED_PROXIES: '127.0.0.1' }
    trusting = await startService({ settings: proxies, remoteIssuer: true })
  })
  afterAll(async () => {
    await service.close()
    await trusting.close()
  })

  it.each([
    `other-org.${domain}`,
    `nowhere.${domain}`,
    `a.helping-hands.${domain}`,
    `helping-hands.${domain}.evil.example`,
    `helping-hands${domain}`,
    `evil-${domain}`,
    `.${domain}`,
    `helping-hands.${domain}..`,
    'helping-hands.localhost',
    'helping-hands.example.com',
    'helping-hands',
    `helping-hands.${domain}:abc`,
    `${own}, ${own}`,
    `${own}@evil.example`,
    '127.0.0.1.evil.example',
    'localhost.evil.example',
  ])('says 404, as everywhere that the token is not for, of %s', async (host) => {
    const nowhere = await send(service, { host: own, claims: { organization: 'nowhere' } })
    const answer = await send(service, { host })
    expect(answer).toEqual(nowhere)
    expect(answer.status).toBe(404)
    await expect(service.knex('users')).resolves.toEqual([])
  })

  it('tells a foreign organization in the same words as one that there is not', async () => {
    const foreign = await send(service, { host: `other-org.${domain}` })
    const missing = await send(service, { host: `nowhere.${domain}` })
    const unknownToken = await send(service, { host: own, claims: { organization: 'other-org' } })
    expect(foreign).toEqual(missing)
    expect(foreign).toEqual(unknownToken)
  })

  it('says 401 on any host to a token that is not good', async () => {
    for (const host of [own, `nowhere.${domain}`, 'evil.example']) {
      const answer = await send(service, { host, token: 'e30.e30.e30' })
      expect(answer.status).toBe(401)
      expect(answer.challenge).toMatch(/^Bearer /)
    }
  })

  it('does not believe X-Forwarded-Host of anybody', async () => {
    const forwarded = { 'X-Forwarded-Host': own, Forwarded: `host=${own}` }
    const answer = await send(service, { host: `other-org.${domain}`, headers: forwarded })
    expect(answer.status).toBe(404)
  })

  it('does not let X-Forwarded-Host lead away from the true host', async () => {
    const headers = { 'X-Forwarded-Host': `other-org.${domain}` }
    expect((await send(service, { host: own, headers })).status).toBe(200)
  })

  it('believes X-Forwarded-Host of a trusted proxy', async () => {
    const headers = { 'X-Forwarded-Host': own }
    expect((await send(trusting, { host: 'backend:3000', headers })).status).toBe(200)
    const other = { 'X-Forwarded-Host': `other-org.${domain}` }
    expect((await send(trusting, { host: own, headers: other })).status).toBe(404)
  })

  it.each([own, own.toUpperCase(), `${own}.`, `${own}:8443`, `${own}.:443`, domain, `${domain}:80`])(
    'finds the organization of %s',
    async (host) => {
      expect(await send(service, { host })).toMatchObject({ status: 200 })
    },
  )

  it.each(['localhost', 'localhost:3000', '127.0.0.1', '[::1]:3000', '192.0.2.1'])(
    "takes the token's organization on %s",
    async (host) => {
      expect(await send(service, { host })).toMatchObject({ status: 200 })
      const claims = { organization: 'other-org' }
      expect(await send(service, { host, claims })).toMatchObject({ status: 200 })
    },
  )

  it("takes the token's organization where HTTP/1.0 names no host", async () => {
    const client = await RawClient.connect(service)
    const head = headOf({ token: await service.token(), version: '1.0', length: upload.length })
    await client.write(head.replace('Host: localhost\r\n', '') + upload)
    expect(await client.ending()).toBe('ended')
    expect(client.body.text).toBe('disposition,errors,email\nimported,,anna@example.com\n')
    client.destroy()
  })

  it('keeps the users of two organizations apart', async () => {
    for (const organization of ['helping-hands', 'other-org']) {
      await send(service, { host: `${organization}.${domain}`, claims: { organization } })
    }
    const rows = await service.knex('users').select('organization_id', 'email').orderBy('organization_id')
    expect(rows).toEqual([
      { organization_id: 1, email: 'anna@example.com' },
      { organization_id: 2, email: 'anna@example.com' },
    ])
  })

  it('says 503 with Retry-After while no key of the issuer was ever fetched, and 200 later', async () => {
    const late = await startService({ settings: { PORTAL_DOMAIN: domain }, remoteIssuer: true })
    try {
      late.issuer!.goDown()
      const answer = await late.post(upload)
      expect(answer.status).toBe(503)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(JSON.parse(answer.text)).toMatchObject({ code: 'issuer.unreachable', status: 503 })
      expect((await fetch(`${late.url}/readyz`)).status).toBe(503)
      expect((await fetch(`${late.url}/healthz`)).status).toBe(200)
    } finally {
      await late.close()
    }
  })
})
