import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { newPlace } from '../support/database.ts'
import {
  ask,
  importAt,
  locationOf,
  membersBody,
  membersPath,
  numberedMembers,
  postBody,
  postMembers,
  programOf,
  resultAt,
  untilImport,
  type Caller,
} from '../support/members.ts'
import { jsonOf } from '../support/receipts.ts'
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
    const before = await service.knex('imports').select('id')
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
    expect(await service.knex('imports').select('id')).toEqual(before)
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
      const more = await postBody(service, owner, membersBody([...members, { emailAddress: 'x@example.com' }]))
      expect(jsonOf(more)).toMatchObject({
        status: 413,
        code: 'upload.too_many_members',
        errors: [{ pointer: '/newMembers' }],
      })
      expect(await service.knex('imports').select('id')).toHaveLength(1)
    } finally {
      await service.close()
    }
  })
})

describe('a service that is not ready', () => {
  it('takes no members: 503 with Retry-After', async () => {
    const service = await startService()
    try {
      const owner = await programOf(service)
      const location = await postMembers(service, owner, numberedMembers(0, 1))
      await untilImport(service, owner, location)
      void service.stop(5_000)
      const requests = [
        { method: 'POST', path: membersPath, body: JSON.stringify(membersBody([])) },
        { path: location },
        { path: `${location}/result` },
        { method: 'DELETE', path: location },
      ]
      for (const request of requests) {
        // Its port may be closed already.
        const answer = await ask(service, owner, request).catch(() => undefined)
        if (answer === undefined) continue
        expect(jsonOf(answer)).toMatchObject({ status: 503, code: 'service.stopping' })
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      }
    } finally {
      await service.close()
    }
  })
})

describe('a process that does not work', () => {
  it('takes members in, and another imports them later, as their caller was when he asked', async () => {
    const place = await newPlace()
    try {
      const web = await startService({ place, duties: 'web' })
      const owner = await programOf(web)
      const [first, second] = [
        await postMembers(web, owner, numberedMembers(0, 3)),
        await postMembers(web, owner, numberedMembers(3, 5)),
      ]
      expect((await ask(web, owner, { method: 'DELETE', path: second })).status).toBe(202)
      expect((await importAt(web, owner, second)).state).toBe('aborted')
      expect((await importAt(web, owner, first)).state).toBe('waiting')
      // It may be read and stopped while it waits, but nobody writes letters or imports here.
      expect((await importAt(web, owner, second)).letters).toMatchObject([{ kind: 'stopped', state: 'waiting' }])
      await web.knex('credentials').update({ revoked_at: new Date() })
      await web.close()

      const service = await startService({ place })
      try {
        const later = await programOf(service)
        expect(await untilImport(service, later, first)).toMatchObject({
          state: 'finished',
          counts: { created: 3 },
        })
        expect(await resultAt(service, later, first)).toHaveLength(3)
        expect(await service.knex('users').pluck('email')).toHaveLength(3)
        await untilImport(service, later, second, ({ letters }) => letters[0]?.state === 'sent')
      } finally {
        await service.close()
      }
    } finally {
      await place.remove()
    }
  })
})
