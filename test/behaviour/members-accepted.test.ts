import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { jsonOf } from '../support/receipts.ts'
import {
  ask,
  importAt,
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
import { startService, type Service } from '../support/service.ts'

describe('an import of members that is accepted', () => {
  let service: Service
  let owner: Caller

  beforeAll(async () => {
    service = await startService()
    owner = await programOf(service)
  })
  afterAll(() => service.close())

  it('is answered 202 with an empty body and the place where it is found', async () => {
    const answer = await postBody(service, owner, membersBody(numberedMembers(0, 3), { id: 'first' }))
    expect(answer).toMatchObject({ status: 202, text: '', complete: true })
    expect(answer.headers).toMatchObject({
      location: `${membersPath}/first`,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    expect(answer.headers['content-type']).toBeUndefined()
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect(await untilImport(service, owner, `${membersPath}/first`)).toMatchObject({
      id: 'first',
      state: 'finished',
      progress: { rowsDone: 3, rowsTotal: 3, attempts: 1, trouble: null },
      counts: { members: 3, imported: 3, created: 3, updated: 0, unchanged: 0, invalid: 0, skipped: 0 },
      caller: 'nobody',
      fileName: 'members.json',
      result: `${membersPath}/first/result`,
      resultDeletedAt: null,
    })
  })

  it('of nobody finishes too', async () => {
    const location = await postMembers(service, owner, [])
    expect(await untilImport(service, owner, location)).toMatchObject({
      state: 'finished',
      progress: { rowsDone: 0, rowsTotal: 0 },
      counts: { members: 0 },
    })
    expect(await resultAt(service, owner, location)).toEqual([])
  })

  it.each([
    ['a slash', 'a/b/result'],
    ['spaces', ' a  b '],
    ['a percent sign', '100%'],
    ['what looks encoded', '%2e%2e%2F..%2f'],
    ['letters of all kinds', 'Größe 名前 😀'],
    ['a letter in two forms', 'e\u0301 \u00e9'],
    ['dots', '...'],
    ['a path upwards', '../../../etc/passwd'],
    ['a path upwards by backslashes', '..\\..'],
    ['a query', 'a?only=invalid&x=y'],
    ['a fragment', 'a#b'],
    ['semicolons, commas and colons', 'a;b=c,d:e@f'],
    ['quotes and brackets', `"'\`<script>alert(1)</script>{[(*!~$&+)]}`],
    ['the name of a route', 'result'],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['200 letters of four bytes', '😀'.repeat(200)],
    ['one letter', 'x'],
    ['a SQL pattern', "%_'; drop table users; --"],
  ])('is found by an id that holds %s', async (_, id) => {
    const answer = await postBody(service, owner, membersBody(numberedMembers(0, 1), { id }))
    expect(answer.status).toBe(202)
    const location = String(answer.headers.location)
    expect(location).toBe(`${membersPath}/${encodeURIComponent(id)}`)
    // Not otherwise by a client that makes a URL of it.
    expect(new URL(location, service.url).href).toBe(`${service.url}${location}`)
    const seen = await untilImport(service, owner, new URL(location, service.url).pathname)
    expect(seen).toMatchObject({
      id,
      state: 'finished',
      counts: { members: 1 },
      result: `${location}/result`,
    })
    expect(await resultAt(service, owner, location)).toHaveLength(1)
    expect((await ask(service, owner, { method: 'DELETE', path: location })).status).toBe(204)
    expect((await ask(service, owner, { path: `${location}/result` })).status).toBe(410)
  })

  it.each([
    ['nothing', ''],
    ['blanks only', ' \t\u00a0'],
    ['a dot', '.'],
    ['two dots', '..'],
    ['201 letters', 'x'.repeat(201)],
    ['a line break', 'a\nb'],
    ['NUL', 'a\u0000b'],
    ['a bidirectional override', 'a\u202eb'],
    ['half a character', 'a\ud800'],
  ])('is refused with an id of %s', async (_, id) => {
    const answer = await postBody(service, owner, membersBody([], { id }))
    expect(answer).toMatchObject({ status: 400 })
    expect(jsonOf(answer)).toMatchObject({ code: 'json.invalid', errors: [{ pointer: '/id' }] })
    expect(answer.headers.location).toBeUndefined()
  })

  it.each([
    '/nothing',
    '/nothing/result',
    '/%00',
    '/a%00b/result',
    '/%ED%A0%80',
    '/%FF',
    '/%',
    `/${'x'.repeat(401)}`,
    '/%20first',
    '/FIRST',
  ])('is not found at %s', async (path) => {
    for (const method of ['GET', 'DELETE', 'HEAD']) {
      if (method === 'DELETE' && path.endsWith('result')) continue
      const { status } = await ask(service, owner, { method, path: `${membersPath}${path}` })
      expect([400, 404]).toContain(status)
    }
  })

  it.each(['application/json; charset=utf-8', 'text/json', 'application/vnd.members+json'])(
    'may come as %s, and packed',
    async (type) => {
      const body = JSON.stringify(membersBody(numberedMembers(0, 2)))
      for (const [sent, encoding] of [
        [body, 'identity'],
        [gzipSync(body), 'gzip'],
      ] as const) {
        const headers = {
          'Content-Type': type,
          ...(encoding === 'gzip' ? { 'Content-Encoding': encoding } : {}),
        }
        const answer = await postBody(service, owner, sent, { headers })
        expect(answer.status).toBe(202)
        await untilImport(service, owner, String(answer.headers.location))
      }
    },
  )

  it('is shown with no-store, as a file, and by HEAD without a body', async () => {
    const location = await postMembers(service, owner, numberedMembers(0, 1))
    await untilImport(service, owner, location)
    const shown = await ask(service, owner, { path: location })
    expect(shown.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-disposition': expect.stringContaining('attachment'),
    })
    // Whoever polls must see that he need not any more.
    expect(shown.headers['retry-after']).toBeUndefined()
    const head = await ask(service, owner, { method: 'HEAD', path: location })
    expect(head).toMatchObject({ status: 200, text: '' })
  })

  it('takes no parameters, and its routes no other methods', async () => {
    const location = await postMembers(service, owner, [])
    for (const [method, path] of [
      ['POST', `${membersPath}?dryRun=true`],
      ['GET', `${location}?only=invalid`],
      ['DELETE', `${location}?x=y`],
      ['GET', `${location}/result?only=valid`],
      ['GET', `${location}/result?only=invalid&only=invalid`],
    ] as const) {
      const body = method === 'POST' ? { body: JSON.stringify(membersBody([])) } : {}
      const answer = await ask(service, owner, { method, path, ...body })
      expect(answer.status).toBe(400)
      expect(jsonOf(answer)).toMatchObject({ code: 'request.query' })
    }
    for (const [method, path, allowed] of [
      ['GET', membersPath, 'POST'],
      ['PUT', location, 'GET, HEAD, DELETE'],
      ['POST', location, 'GET, HEAD, DELETE'],
      ['DELETE', `${location}/result`, 'GET, HEAD'],
    ] as const) {
      const answer = await ask(service, owner, { method, path })
      expect(answer.status).toBe(405)
      expect(answer.headers.allow).toBe(allowed)
    }
    expect((await importAt(service, owner, location)).id).toBeDefined()
  })
})
