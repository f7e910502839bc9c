import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { rowsOf } from '../support/csv.ts'
import { startService, type Service } from '../support/service.ts'

const upload = 'email,givenName\nanna@example.com,Anna\nbob.example.com,Bob\n,\ncy@example.com,Cy\n'

describe('the form of an answer', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  const fault = 'Validation error: email must be a valid email, but has bob.example.com'

  it('has the headers that keep it private, and says what was detected', async () => {
    const { headers } = await service.post(upload)
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-disposition': expect.stringMatching(/^attachment/),
      'import-charset': 'utf-8',
      'import-delimiter': 'comma',
    })
    for (const name of ['set-cookie', 'etag', 'x-powered-by']) expect(headers.get(name)).toBeNull()
  })

  it.each([
    [',', 'comma'],
    [';', 'semicolon'],
    ['\t', 'tab'],
    ['|', 'pipe'],
  ])('keeps the delimiter %j and names it %s', async (delimiter, name) => {
    const { text, headers } = await service.post(upload.replaceAll(',', delimiter))
    expect(headers.get('import-delimiter')).toBe(name)
    const rows = rowsOf(text, delimiter)
    expect(rows.map(({ disposition }) => disposition)).toEqual(['imported', 'invalid', 'skipped', 'imported'])
    expect(rows[1]!['errors']).toBe(fault)
  })

  it.each(['\n', '\r\n', '\r'])('keeps the line end %j of the header line', async (end) => {
    const mixed = upload.replaceAll('\n', '\r\n').replace('\r\n', end)
    const { text } = await service.post(mixed)
    expect(text.split(end)).toHaveLength(6)
    expect(text.replaceAll(end, '')).not.toMatch(/[\r\n]/)
  })

  it('has a byte-order mark if and only if the upload had one', async () => {
    expect((await service.post(`\uFEFF${upload}`)).bytes.subarray(0, 4).toString('hex')).toBe('efbbbf64')
    expect((await service.post(upload)).bytes.subarray(0, 1).toString()).toBe('d')
  })

  it('skips a first line that is for a program only', async () => {
    const { text } = await service.post(`sep=;\r\n${upload.replaceAll(',', ';')}`)
    expect(text.startsWith('disposition;errors;email;givenName\n')).toBe(true)
  })

  it('echoes a formula exactly', async () => {
    const { text } = await service.post('email,name\nanna@example.com,"=HYPERLINK(""x"")"\n')
    expect(text).toContain(',anna@example.com,"=HYPERLINK(""x"")"\n')
  })

  it('fills blank cells only of what was imported', async () => {
    const header = 'id,email,status,roles,active,providerType,emailVerified,name'
    const { text } = await service.post(`${header}\n,a@example.com,,,,,,\n,b.example.com,,,,,,\n,,,,,,,\n`)
    const [created, invalid, skipped] = text.split('\n').slice(1)
    expect(created).toMatch(
      /^imported,,[\w-]{36},a@example\.com,invited,organization_constituent,TRUE,Provisioned,,$/,
    )
    expect(invalid).toMatch(/^invalid,"[^"]+",,b\.example\.com,,,,,,$/)
    expect(skipped).toBe('skipped,,,,,,,,,')
    const again = await service.post(`${header}\n,a@example.com,,,,,,New\n`)
    expect(again.text.split('\n')[1]).toMatch(/^imported,,[\w-]{36},a@example\.com,,,,,,New$/)
  })

  it('is only the invalid rows with ?only=invalid, though all are imported', async () => {
    const { text } = await service.post(upload, { query: 'only=invalid' })
    expect(text).toBe(`disposition,errors,email,givenName\ninvalid,"${fault}",bob.example.com,Bob\n`)
    await expect(service.knex('users').orderBy('email').pluck('email')).resolves.toEqual([
      'anna@example.com',
      'cy@example.com',
    ])
  })

  it('has the id as third column with ?return=id, and not twice', async () => {
    const { text } = await service.post(upload, { query: 'return=id' })
    const rows = rowsOf(text)
    expect(Object.keys(rows[0]!)).toEqual(['disposition', 'errors', 'id', 'email', 'givenName'])
    const ids = await service.knex('users').orderBy('email').pluck('id')
    expect(rows.map(({ id }) => id)).toEqual([ids[0], '', '', ids[1]])
    const again = await service.post(text, { query: 'return=id' })
    expect(again.text).toBe(text)
  })

  it('says created, updated and unchanged with ?dispositions=detailed', async () => {
    const query = 'dispositions=detailed'
    await service.post(upload)
    const changed = upload.replace('Anna', 'Anne').replace('bob.', 'bob@')
    const { text } = await service.post(changed, { query })
    expect(rowsOf(text).map(({ disposition }) => disposition)).toEqual([
      'updated',
      'created',
      'skipped',
      'unchanged',
    ])
  })

  it('is one JSON object a line for application/x-ndjson', async () => {
    const headers = { Accept: 'application/x-ndjson' }
    const answer = await service.post(upload, { headers, query: 'dispositions=detailed' })
    expect(answer.headers.get('content-type')).toMatch(/^application\/x-ndjson/)
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment/)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.text.endsWith('}\n')).toBe(true)
    const rows = answer.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const [anna] = await service.knex('users').where({ email: 'anna@example.com' }).pluck('id')
    const none = { faults: [], changed: [] }
    expect(rows).toMatchObject([
      {
        row: 2,
        disposition: 'created',
        id: anna,
        ...none,
        cells: { email: 'anna@example.com', givenName: 'Anna' },
      },
      {
        row: 3,
        disposition: 'invalid',
        id: null,
        faults: [
          {
            column: 'email',
            code: 'email.invalid',
            message: 'email must be a valid email, but has bob.example.com',
            value: 'bob.example.com',
          },
        ],
        cells: { email: 'bob.example.com', givenName: 'Bob' },
      },
      { row: 4, disposition: 'skipped', id: null, ...none, cells: { email: '', givenName: '' } },
      { row: 5, disposition: 'created' },
    ])
    const update = await service.post('email,givenName,name\nanna@example.com,A,N\n', {
      headers,
      query: 'dispositions=detailed',
    })
    expect(JSON.parse(update.text)).toMatchObject({ disposition: 'updated', changed: ['name', 'givenName'] })
  })

  it('combines what was asked for', async () => {
    const headers = { Accept: 'application/x-ndjson;q=0.9, text/csv;q=0.1' }
    const query = 'only=invalid&dispositions=detailed&return=id&unknown=echo&map=email:Mail'
    const { text, status } = await service.post('Mail,Shoe\nanna@example.com,7\nbob,8\n', { headers, query })
    expect(status).toBe(200)
    const rows = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(rows).toMatchObject([{ row: 3, disposition: 'invalid', cells: { Mail: 'bob', Shoe: '8' } }])
  })

  it.each([
    undefined,
    '*/*',
    'text/*',
    'application/json, text/csv',
    'text/csv;q=0.1, application/x-ndjson;q=0',
  ])('is CSV for Accept: %s', async (accept) => {
    const { headers } = await service.post(
      upload,
      accept === undefined ? {} : { headers: { Accept: accept } },
    )
    expect(headers.get('content-type')).toMatch(/^text\/csv/)
  })

  it.each([
    'text/csv',
    'TEXT/CSV; Charset="UTF-8"',
    'application/csv',
    'text/tab-separated-values',
    'application/vnd.ms-excel',
    'text/csv; header=present; charset=utf8',
  ])('does not depend on the accepted Content-Type %s', async (type) => {
    const { status } = await service.post(upload, { headers: { 'Content-Type': type } })
    expect(status).toBe(200)
  })

  it('may be sent again, with what was invalid still invalid', async () => {
    const { text } = await service.post(upload)
    expect((await service.post(text)).text).toBe(text)
  })

  it('ignores preferences that change nothing', async () => {
    const headers = { Prefer: 'return=representation, handling=lenient, wait=5' }
    expect((await service.post(upload, { headers })).status).toBe(200)
  })
})
