import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  ask,
  holdImports,
  importAt,
  locationOf,
  membersBody,
  membersPath,
  numberedMembers,
  postBody,
  postMembers,
  programOf,
  untilImport,
  type Caller,
} from '../support/members.ts'
import { jsonOf } from '../support/receipts.ts'
import { numbered, numberedHeader } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'

const KiB = 2 ** 10

describe('the limits of imports of members', () => {
  let service: Service
  let owner: Caller

  beforeAll(async () => {
    service = await startService({ settings: { MAX_UPLOAD_BYTES: '64 KiB' } })
    owner = await programOf(service)
  })
  afterAll(() => service.close())

  it('are those of uploads, packed or not; nothing is kept of what is larger', async () => {
    const fitting = JSON.stringify(membersBody([], { id: 'fits' }))
    const body = (size: number): string => fitting + ' '.repeat(size - fitting.length)
    for (const sent of [body(64 * KiB + 1), body(1_000 * KiB)]) {
      for (const [bytes, headers] of [
        [sent, {}],
        [gzipSync(sent), { 'Content-Encoding': 'gzip' }],
      ] as const) {
        const answer = await postBody(service, owner, bytes, { headers })
        expect(jsonOf(answer)).toMatchObject({ status: 413, code: 'upload.too_large' })
      }
    }
    expect((await ask(service, owner, { path: `${membersPath}/fits` })).status).toBe(404)
    expect(await service.knex('imports').select('id')).toEqual([])
    expect((await postBody(service, owner, body(64 * KiB))).status).toBe(202)
    await untilImport(service, owner, `${membersPath}/fits`)
  })

  it('are of no matter to who may not import: he is refused before his body has come', async () => {
    for (const [caller, status] of [
      [{}, 401],
      [await programOf(service, { role: 'organization_member' }), 403],
    ] as const) {
      const answer = await postBody(service, caller, ' '.repeat(1_000 * KiB))
      expect(answer.status).toBe(status)
    }
  })

  it.each([
    ['text/csv', 'email\n'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/x-www-form-urlencoded', 'id=1'],
  ])('leave no room for %s', async (type, body) => {
    const answer = await postBody(service, owner, body, { headers: { 'Content-Type': type } })
    expect(jsonOf(answer)).toMatchObject({ status: 415, code: 'media_type.unsupported' })
  })

  it('refuse what is no import with a pointer to each fault, and keep nothing of it', async () => {
    const before: unknown = await service.knex('imports').orderBy('id').pluck('id')
    const bodies: readonly [string | object, string][] = [
      [membersBody([{ emailAddress: 1 }]), '/newMembers/0/emailAddress'],
      [membersBody([{ emailAddress: 'a@example.com', role: 'x' }]), '/newMembers/0/role'],
      [membersBody([{ emailAddress: 'a@example.com', makeAdmin: 'true' }]), '/newMembers/0/makeAdmin'],
      [membersBody([], { extra: 1 }), '/extra'],
      [membersBody([], { importDate: '2026-02-30T00:00:00Z' }), '/importDate'],
      [membersBody([], { organizationId: '1' }), '/organizationId'],
      [membersBody([], { newMembers: undefined }), '/newMembers'],
      [membersBody([], { importFilename: '' }), '/importFilename'],
      [membersBody([], { importFilename: 'x'.repeat(256) }), '/importFilename'],
      [membersBody([], { importingUserId: 'x'.repeat(256) }), '/importingUserId'],
      [JSON.stringify(membersBody([])).replace('{', '{"__proto__":{"id":"x"},'), '/__proto__'],
      [JSON.stringify(membersBody([])).replace('{', '{"id":"twice",'), '/id'],
      ['[]', ''],
      ['null', ''],
      [`[${JSON.stringify(membersBody([]))}]`, ''],
    ]
    for (const [body, pointer] of bodies) {
      const answer = await postBody(service, owner, body)
      expect(answer.headers['content-type']).toContain('application/problem+json')
      expect(jsonOf(answer)).toMatchObject({ status: 400, code: 'json.invalid', instance: membersPath })
      expect(jsonOf(answer)['errors']).toContainEqual(expect.objectContaining({ pointer }))
      expect(answer.bytes.length).toBeLessThan(2_000)
    }
    expect(await service.knex('imports').orderBy('id').pluck('id')).toEqual(before)
  })
})

describe('the number of imports at once', () => {
  it('counts an import of members while it runs, and never keeps one from waiting', async () => {
    const service = await startService({ settings: { MAX_IMPORTS_PER_ORGANIZATION: '1' } })
    try {
      const owner = await programOf(service)
      const letGo = await holdImports(service.knex)
      const running = await postMembers(service, owner, numberedMembers(0, 1))
      await untilImport(service, owner, running, ({ state }) => state === 'running')
      const file = await service.post('email\na@example.com\n')
      expect(file.status).toBe(429)
      expect(file.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      const others = [
        await postMembers(service, owner, numberedMembers(1, 2)),
        await postMembers(service, owner, numberedMembers(2, 3)),
      ]
      await letGo()
      for (const location of others)
        expect(await untilImport(service, owner, location)).toMatchObject({ state: 'finished' })
      expect((await service.post('email\na@example.com\n')).status).toBe(200)
    } finally {
      await service.close()
    }
  })
})

describe('an import of 100,000 members', () => {
  it('is taken, and one more is not', async () => {
    const service = await startService({ duties: 'web' })
    try {
      const owner = await programOf(service)
      const members = numberedMembers(0, 100_000)
      const location = locationOf(await postBody(service, owner, membersBody(members)))
      expect(await importAt(service, owner, location)).toMatchObject({
        state: 'waiting',
        progress: { rowsDone: 0, rowsTotal: 100_000 },
      })
      const more = await postBody(
        service,
        owner,
        membersBody([...members, { emailAddress: 'x@example.com' }]),
      )
      expect(jsonOf(more)).toMatchObject({
        status: 413,
        code: 'upload.too_many_members',
        errors: [{ pointer: '/newMembers' }],
      })
      expect(await service.knex('imports').select('id')).toHaveLength(1)
    } finally {
      await service.close()
    }
  }, 300_000)
})

describe('a service that is not ready for imports of members', () => {
  it('says so with 503 and Retry-After while it stops', async () => {
    const service = await startService()
    try {
      const owner = await programOf(service)
      const location = await postMembers(service, owner, numberedMembers(0, 1))
      await untilImport(service, owner, location)
      const body = JSON.stringify(membersBody([], { id: 'too late' }))
      const length = Buffer.byteLength(body)
      const requests = [
        [`POST ${membersPath}`, `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`],
        [`GET ${location}`, '\r\n'],
        [`GET ${location}/result`, '\r\n'],
        [`DELETE ${location}`, '\r\n'],
      ] as const
      const begun = await Promise.all(
        requests.map(async ([line, rest]) => {
          const client = await RawClient.connect(service)
          await client.write(`${line} HTTP/1.1\r\nHost: localhost\r\n`)
          return { client, rest }
        }),
      )
      // As long as this runs, others that have begun a request are not cut.
      const uploading = await RawClient.connect(service)
      await uploading.write(headOf({ token: await service.token() }))
      await uploading.chunk(numberedHeader + numbered(0, 60))
      await uploading.until((text) => text.includes('imported'))
      const stopping = service.stop(30_000)
      const credentials = Object.entries(owner).map(([name, value]) => `${name}: ${value}\r\n`)
      for (const { client, rest } of begun) {
        await client.write(credentials.join('') + rest)
        await client.until((text) => text.includes('}'))
        expect(client.status).toBe(503)
        expect(client.text).toMatch(/^Retry-After: [1-9]\d*\r$/m)
        expect(client.text).toContain('"code":"service.stopping"')
        client.destroy()
      }
      await uploading.chunk('')
      await stopping
      expect(await service.knex('imports').where({ idempotency_key: 'too late' })).toEqual([])
    } finally {
      await service.close()
    }
  })

  it('says so with 503 and Retry-After while it has no database', async () => {
    const service = await startService({
      settings: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
      prepared: false,
    })
    try {
      const caller = { Authorization: `Bearer ${await service.token()}`, ApplicationToken: 'x' }
      for (const request of [
        { method: 'POST', body: JSON.stringify(membersBody([])) },
        { path: `${membersPath}/x` },
        { path: `${membersPath}/x/result` },
        { method: 'DELETE', path: `${membersPath}/x` },
      ]) {
        const answer = await ask(service, caller, request)
        expect(jsonOf(answer)).toMatchObject({ status: 503, code: 'database.unreachable' })
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      }
    } finally {
      await service.close()
    }
  })
})
