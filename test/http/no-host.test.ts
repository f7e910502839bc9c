import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { headOf, RawClient } from '../support/raw-client.ts'
import { importPath, startService, type Service } from '../support/service.ts'

const upload = 'email\nanna@example.com\n'

describe('a request without Host', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  async function answerTo(text: string): Promise<RawClient> {
    const client = await RawClient.connect(service)
    await client.write(text)
    expect(await client.ending(10_000)).toBe('ended')
    client.destroy()
    return client
  }

  async function importWithout(version: '1.0' | '1.1'): Promise<RawClient> {
    const head = headOf({ token: await service.token(), length: upload.length, version })
    return answerTo(head.replace('Host: localhost\r\n', '') + upload)
  }

  function expectProblem(client: RawClient, instance: string): void {
    expect(client.status).toBe(400)
    expect(client.text).toMatch(/^content-type: application\/problem\+json/im)
    expect(client.text).toMatch(/^connection: close\r$/im)
    expect(client.body.complete).toBe(true)
    expect(JSON.parse(client.body.text)).toEqual({
      type: expect.any(String),
      title: 'Bad Request',
      status: 400,
      detail: expect.stringContaining('Host'),
      instance,
      code: 'request.malformed',
    })
  }

  it('gets a 400 with a body of RFC 9457 under HTTP/1.1, and nothing is imported', async () => {
    expectProblem(await importWithout('1.1'), importPath)
    await expect(service.knex('users')).resolves.toEqual([])
  })

  it('gets a 400 of the same form on any path', async () => {
    expectProblem(await answerTo('GET /healthz HTTP/1.1\r\n\r\n'), '/healthz')
    expectProblem(await answerTo('GET /nothing HTTP/1.1\r\nHost: \r\n\r\n'), '/nothing')
  })

  it('is served under HTTP/1.0, which does not know the header', async () => {
    const client = await importWithout('1.0')
    expect(client.status).toBe(200)
    expect(client.body.text).toBe('disposition,errors,email\nimported,,anna@example.com\n')
  })
})
