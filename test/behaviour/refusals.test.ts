import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { headOf, RawClient } from '../support/raw-client.ts'
import { importPath, startService, type PostOptions, type Service } from '../support/service.ts'

const good = 'email,givenName\nanna@example.com,Anna\n'
const zip = Buffer.concat([
  Buffer.from('PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0', 'latin1'),
  Buffer.alloc(300, 7),
])
const xlsx = Buffer.concat([zip.subarray(0, 30), Buffer.from('[Content_Types].xml'), Buffer.alloc(300, 7)])
const png = Buffer.from('\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\x01', 'latin1')

interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
}

describe('a request that is refused before its first row', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  async function problemOf(answer: {
    status: number
    headers: Headers
    text: string
  }): Promise<Problem & { headers: Headers }> {
    const { headers, text } = answer
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('set-cookie')).toBeNull()
    expect(Buffer.byteLength(text)).toBeLessThan(2_000)
    const problem = JSON.parse(text)
    expect(problem).toEqual({
      type: expect.any(String),
      title: expect.any(String),
      status: answer.status,
      detail: expect.stringMatching(/^.{10,}$/s),
      instance: importPath,
      code: expect.stringMatching(/^[a-z_.]+$/),
    })
    expect(text).not.toMatch(/node_modules|\bat [\w.]+ \(|select |insert /i)
    for (const table of ['users', 'imports']) await expect(service.knex(table)).resolves.toEqual([])
    return { ...problem, headers }
  }

  const refused = async (body: string | Uint8Array, options: PostOptions = {}) =>
    problemOf(await service.post(body, options))

  const answered = async (init: RequestInit, query = '') => {
    const answer = await fetch(`${service.url}${importPath}${query}`, init)
    return problemOf({ status: answer.status, headers: answer.headers, text: await answer.text() })
  }

  describe('for its body', () => {
    it.each<[string, string | Uint8Array, RegExp]>([
      ['an HTML page', '<!DOCTYPE html><html><body>Sign in</body></html>', /HTML/],
      ['a table of HTML', '\n <table><tr>\n<td>email</td>\n</tr></table>\n', /HTML/],
      ['XML', '<?xml version="1.0"?><users/>', /XML/],
      ['a ZIP archive', zip, /ZIP/],
      ['an Excel workbook', xlsx, /xlsx/],
      ['an old Excel workbook', Buffer.from('D0CF11E0A1B11AE1', 'hex'), /xls/],
      ['a PNG image', png, /PNG/],
      ['a PDF document', '%PDF-1.7\n', /PDF/],
      ['gzip without saying so', Buffer.from('1F8B0800', 'hex'), /gzip/],
      ['a JSON object', '{"email":"anna@example.com"}', /JSON/],
      ['a JSON list', '[{"email":"anna@example.com"}]', /JSON/],
      ['binary data', Buffer.from([1, 0, 2, 0, 0, 3, 4, 10]), /binary|UTF-16/],
    ])('says 400 and what was seen, of %s', async (_what, body, seen) => {
      const problem = await refused(body)
      expect([400, 415]).toContain(problem.status)
      expect(problem.detail).toMatch(seen)
    })

    it.each([
      ['an empty upload', ''],
      ['a byte-order mark alone', '\uFEFF'],
      ['one line end', '\n'],
      ['blank names', ',,\n'],
      ['a header without id, slug and email', 'givenName,familyName\nAnna,Belle\n'],
      ['a repeated name', 'email,E-Mail\na@example.com,a@example.com\n'],
      ['__proto__', 'email,__proto__\na@example.com,x\n'],
      ['constructor', 'email,constructor\na@example.com,x\n'],
      ['a header that is one unclosed quote', '"email\na@example.com\n'],
      ['a header of bytes that are no UTF-8', Buffer.from('email,Vorna\xE9me\n', 'latin1')],
    ])('says 400 of %s', async (_what, body) => {
      expect(await refused(body)).toMatchObject({ status: 400, code: 'csv.header' })
    })

    it('lists the first ten unknown names, each with the nearest and the query that helps', async () => {
      const unknown = Array.from({ length: 14 }, (_, index) => `gvenName${index}`)
      const { status, detail } = await refused(`email,${unknown.join(',')}\n`)
      expect(status).toBe(400)
      for (const name of unknown.slice(0, 10)) expect(detail).toContain(`"${name}"`)
      expect(detail).not.toContain('gvenName10')
      expect(detail).toContain('?map=givenName:gvenName0')
      expect(detail).toMatch(/\b4 more\b/)
    })

    it('keeps its answer short whatever the header is', async () => {
      const names = Array.from({ length: 290 }, (_, index) => `${'\u{1F600}'.repeat(40)}${index}`)
      expect(await refused(`email,${names.join(',')}\n`)).toMatchObject({ status: 400, code: 'csv.header' })
      expect(await refused(`email,"${'x\n"",'.repeat(5_000)}"\n`)).toMatchObject({ status: 400 })
    })

    it('says 413 of 301 columns', async () => {
      const names = Array.from({ length: 301 }, (_, index) => `c${index}`)
      expect(await refused(`${names.join(',')}\n`, { query: 'unknown=echo' })).toMatchObject({ status: 413 })
    })
  })

  describe('for its query', () => {
    it.each([
      'dryrun=true',
      'Dispositions=detailed',
      'dispositions=short',
      'dispositions=',
      'dispositions',
      'only=valid',
      'return=slug',
      'unknown=drop',
      'blank=keep',
      'dates=ymd',
      'country=XX',
      'country=D',
      'map=email',
      'map=email:',
      'map=mail:Mail',
      'map=email:a&map=email:b',
      'only=invalid&only=invalid',
      'constructor=x',
      '__proto__=x',
      'toString=',
      '=x',
      'x'.repeat(3_000),
      'dryRun=1',
      'dryRun=',
      'dryRun=true&dryRun=false',
      'strict=yes',
      'Strict=true',
      'async=yes',
    ])('says 400 of ?%s', async (query) => {
      expect(await refused(good, { query })).toMatchObject({ status: 400, code: 'request.query' })
    })

    it('says 400 of a column that ?map names and the header lacks', async () => {
      expect(await refused(good, { query: 'map=slug:Nick' })).toMatchObject({
        status: 400,
        code: 'csv.header',
      })
    })

    it.each(['access_token', 'token', 'id_token', 'Access_Token', 'jwt'])(
      'says 400 of a token in ?%s, even beside a good one',
      async (name) => {
        const problem = await refused(good, { query: `${name}=eyJhbGciOiJub25lIn0.e30.c2VjcmV0` })
        expect(problem).toMatchObject({ status: 400, code: 'request.token_in_url' })
        expect(JSON.stringify(problem)).not.toContain('c2VjcmV0')
      },
    )

    it('says 400 of a token under another name', async () => {
      const query = `x=${await service.token()}`
      expect(await refused(good, { query })).toMatchObject({ status: 400, code: 'request.token_in_url' })
    })
  })

  describe('for its headers', () => {
    it.each(['handling=odd', 'handling', 'return=minimal, Handling="odd"'])(
      'says 400 of Prefer: %s',
      async (prefer) => {
        const problem = await refused(good, { headers: { Prefer: prefer } })
        expect(problem).toMatchObject({ status: 400, code: 'request.preference' })
      },
    )

    it.each(['', '""', 'k\xE4se', 'a\tb', 'k'.repeat(256)])(
      'says 400 of Idempotency-Key: %j',
      async (key) => {
        const problem = await refused(good, { headers: { 'Idempotency-Key': key } })
        expect(problem).toMatchObject({ status: 400, code: 'request.idempotency_key' })
      },
    )

    it.each(['application/json', 'text/html', 'image/png', 'text/csv;q=0', 'application/xml, text/plain'])(
      'says 406 of Accept: %s',
      async (accept) => {
        expect(await refused(good, { headers: { Accept: accept } })).toMatchObject({ status: 406 })
      },
    )

    it.each([
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/mixed; boundary=x',
      'text/csvx',
      'csv',
      ';',
      'text/csv; charset=utf-7',
      'text/csv; charset=nonsense',
    ])('says 415 of Content-Type: %s', async (type) => {
      expect(await refused(good, { headers: { 'Content-Type': type } })).toMatchObject({ status: 415 })
    })

    it('says 400 of a file that is not in the charset that its media type names', async () => {
      const headers = { 'Content-Type': 'text/csv; charset=utf-16le' }
      expect(await refused(good, { headers })).toMatchObject({ status: 400, code: 'csv.header' })
    })

    it.each(['br', 'deflate', 'gzip, identity', 'nonsense'])(
      'says 415 of Content-Encoding: %s',
      async (encoding) => {
        const problem = await refused(good, { headers: { 'Content-Encoding': encoding } })
        expect(problem).toMatchObject({ status: 415 })
      },
    )
  })

  describe('for its method', () => {
    it.each(['PUT', 'PATCH', 'DELETE'])('says 405 and what is allowed, of %s', async (method) => {
      const headers = { Authorization: `Bearer ${await service.token()}` }
      const problem = await answered({ method, headers })
      expect(problem).toMatchObject({ status: 405, code: 'method.not_allowed' })
      expect(problem.headers.get('allow')).toBe('GET, HEAD, POST')
    })

    it.each(['/healthz', '/readyz', '/api/template/organization/users.csv'])(
      'says 405 of POST to %s',
      async (path) => {
        const answer = await fetch(`${service.url}${path}`, { method: 'POST' })
        expect(answer.status).toBe(405)
        expect(answer.headers.get('allow')).toBe('GET, HEAD')
      },
    )

    it.each([
      '/',
      '/api',
      '/api/import/organization/user',
      '/favicon.ico',
      '/%E0%A4%A',
      '/a/../../etc/passwd',
    ])('says 404 or 400, in the same form, at %s', async (path) => {
      const answer = await fetch(`${service.url}${path}`)
      expect([400, 404]).toContain(answer.status)
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    })
  })

  describe('for its token', () => {
    const withAuthorization = (value: string | undefined) =>
      answered({
        method: 'POST',
        body: good,
        headers: {
          'Content-Type': 'text/csv',
          ...(value === undefined ? {} : { Authorization: value }),
        },
      })

    it('says 401 with a bare challenge where there is none', async () => {
      const problem = await withAuthorization(undefined)
      expect(problem).toMatchObject({ status: 401, code: 'token.missing' })
      expect(problem.headers.get('www-authenticate')).toBe('Bearer')
    })

    it.each(['Basic dTpw', 'Bearer', 'Bearer ', 'Bearer a b', 'Bearer e30.e30.e30', 'Bearer ä', 'Digest x'])(
      'says 401 of Authorization: %s',
      async (value) => {
        const problem = await withAuthorization(Buffer.from(value).toString('latin1'))
        expect(problem.status).toBe(401)
        expect(problem.headers.get('www-authenticate')).toMatch(/^Bearer/)
      },
    )

    it('says 401 of a token whose signature was tampered with', async () => {
      const token = await service.token()
      const [head = '', claims = '', signature = ''] = token.split('.')
      const forged = `${head}.${claims}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
      const problem = await withAuthorization(`Bearer ${forged}`)
      expect(problem).toMatchObject({ status: 401, code: 'token.invalid' })
      expect(problem.headers.get('www-authenticate')).toMatch(/error="invalid_token"/)
    })

    it('says 401 of an unsigned token', async () => {
      const [, claims = ''] = (await service.token()).split('.')
      const none = Buffer.from('{"alg":"none"}').toString('base64url')
      expect(await withAuthorization(`Bearer ${none}.${claims}.`)).toMatchObject({ status: 401 })
    })

    it('says 401 before it looks at anything else', async () => {
      const answer = await answered(
        { method: 'POST', body: '<html>', headers: { 'Content-Type': 'image/png', Accept: 'image/png' } },
        '?nonsense=1',
      )
      expect(answer.status).toBe(401)
    })

    it.each(['organization_constituent', 'Organization_Owner', 'organization_owner ', 'organization_оwner'])(
      'says 403 of the role «%s»',
      async (role) => {
        const problem = await refused(good, { token: await service.token({ role }) })
        expect(problem).toMatchObject({ status: 403, code: 'role.forbidden' })
      },
    )

    it('says the same 404 of an organization that there is not, whoever asks', async () => {
      const tokens = ['nowhere', 'Helping-Hands', "x' or 'a'='a"].map((organization) =>
        service.token({ organization }),
      )
      const bodies = []
      for (const token of await Promise.all(tokens)) {
        const answer = await service.post(good, { token })
        expect(answer.status).toBe(404)
        bodies.push(answer.text)
      }
      expect(new Set(bodies).size).toBe(1)
    })
  })

  describe('for the form of the request', () => {
    const raw = async (request: string): Promise<RawClient> => {
      const client = await RawClient.connect(service)
      await client.write(request)
      expect(await client.ending()).not.toBe('open')
      client.destroy()
      return client
    }

    it('says 400 of two Host headers', async () => {
      const head = headOf({ token: await service.token(), length: 0, more: 'Host: other.localhost\r\n' })
      expect((await raw(head)).status).toBe(400)
    })

    it('says 400 of a whole URL in the place of a path', async () => {
      const head = headOf({ token: await service.token(), length: 0 })
      expect((await raw(head.replace('POST /', `POST ${service.url}/`))).status).toBe(400)
    })

    it.each(['Host: \r\n', 'Host: localhost, localhost\r\n', 'Host: [::1\r\n', 'Host: a b\r\n'])(
      'says 400 or 404 of %j',
      async (host) => {
        const token = await service.token()
        const head = headOf({ token, length: 0, more: 'Connection: close\r\n' })
        expect([400, 404]).toContain((await raw(head.replace('Host: localhost\r\n', host))).status)
      },
    )

    it('says 400 of no Host header at all', async () => {
      const head = headOf({ token: await service.token(), length: 0 })
      expect((await raw(head.replace('Host: localhost\r\n', ''))).status).toBe(400)
    })

    it.each(['zz\r\n', '-5\r\nemail\r\n', '5;\nemail\r\n', 'FFFFFFFFFFFFFFFFF\r\n'])(
      'says 400 of the bad chunk %j',
      async (chunk) => {
        const client = await raw(headOf({ token: await service.token() }) + chunk)
        expect(client.status).toBe(400)
      },
    )

    it('says 400 of a Content-Length beside chunks', async () => {
      const head = headOf({ token: await service.token(), more: 'Content-Length: 5\r\n' })
      expect((await raw(`${head}0\r\n\r\n`)).status).toBe(400)
    })
  })
})
