import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { anna, untilJob, uploadLater } from '../support/async.ts'
import { forgetAll } from '../support/jobs.ts'
import { numbered, numberedHeader } from '../support/csv.ts'
import { idOf, receiptOf, resultOf, upload, type Exchange } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

const boundary = 'a-boundary-of-the-tests'
const formType = `multipart/form-data; boundary=${boundary}`

/** A form whose token stands in a field before the file. */
const formOf = (token: string, file: string): string =>
  `--${boundary}\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n${token}\r\n` +
  `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="people.csv"\r\n` +
  `Content-Type: application/octet-stream\r\n\r\n${file}\r\n--${boundary}--\r\n`

const faulty =
  'email;givenName;Work Phone;birthdate\r\nold@example.com;New name;;\r\nanna@example.com;"An;na";+1 650 253 0000;\r\n' +
  'bob.example.com;Bob;;\r\n;;;\r\nold@example.com;Again;;\r\ncy@example.com;Cy;;5/4/1990\r\ndora@example.com;D;x;y;z\r\n' +
  'emil@example.com;"Em\r\n;;\r\nfin@example.com;Fin;;1990-04-05\r\n'
const map = 'map=phoneNumber:Work%20Phone'
const good = 'slug,email,givenName\nanna,anna@example.com,Anna\nold,old@example.com,Changed\n'
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le')

/** What is sent, and how. */
interface Sent {
  readonly body: string | Uint8Array
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
}

const cases: Readonly<Record<string, Sent>> = {
  'a header without rows': { body: 'email,givenName\n' },
  'a header without a line end': { body: 'email' },
  'faults of every kind': { body: faulty, query: map },
  'faults, of which only the rows are asked for': { body: faulty, query: `${map}&only=invalid` },
  'faults, with detailed dispositions': { body: faulty, query: `${map}&dispositions=detailed&return=id` },
  'dates of a country and phones of another': { body: faulty, query: `${map}&dates=dmy&country=US` },
  'unknown columns that are echoed, and blanks that clear': {
    body: 'email,x y,givenName\nold@example.com,1,\nnew@example.com,"2\n3",N\n',
    query: 'unknown=echo&blank=clear&dispositions=detailed',
  },
  'a dry run': { body: faulty, query: `${map}&dryRun=true&dispositions=detailed` },
  'a dry run of a strict import': { body: good, query: 'dryRun=true&strict=true' },
  'a strict import that is written': { body: good, query: 'strict=true&dispositions=detailed' },
  'a strict import that is refused': { body: faulty, query: `${map}&strict=true` },
  'a strict import that is refused, its invalid rows': {
    body: faulty,
    query: `${map}&strict=true&only=invalid`,
  },
  'a preference for strict': { body: faulty, query: map, headers: { Prefer: 'handling=strict' } },
  gzip: { body: gzipSync(good), headers: { 'Content-Encoding': 'gzip' } },
  'UTF-16 with a mark': {
    body: utf16('email\tgivenName\r\nann\u00e9@example.com\tZo\u00eb \ud83d\ude00\r\nx\ty\r\n'),
  },
  'UTF-8 with a mark and sep=': { body: '\ufeffsep=;\nemail;givenName\nann\u00e9@example.com;Zo\u00eb\n' },
  'a charset that the type names': {
    body: latin1('email,givenName\nanna@example.com,Zo\u00eb\n'),
    headers: { 'Content-Type': 'text/csv; charset=windows-1252' },
  },
  'a charset that the type does not name': {
    body: latin1('email,givenName\na@example.com,Zo\u00eb\nb@example.com,B\n'),
  },
  'an answer that is sent again': {
    body: 'disposition,errors,email,givenName\ninvalid,x,anna@example.com,Anna\nimported,,old@example.com,O\n',
  },
  'a quote that is never closed': {
    body: `email,givenName\na@example.com,A\nb@example.com,"B\n${'x'.repeat(5_000)}`,
  },
  'a record of more than a megabyte': {
    body: `email,givenName\na@example.com,${'y'.repeat(2 ** 20)}\nb@example.com,B\n`,
  },
  'ten thousand rows': { body: numberedHeader + numbered(0, 10_000) },
}

/** The ids that the service has made are others each time. */
const withoutIds = (text: string): string => text.replace(/(?<![\w-])[A-Za-z0-9][\w-]{35}(?![\w-])/g, '<id>')

describe('a file that nobody waits for', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(reset)

  async function reset(): Promise<void> {
    await forgetAll(service.knex)
    await service.knex('users').delete()
    const stored = await upload(service, 'slug,email,givenName\nold,old@example.com,Old\n', { claims: anna })
    expect(stored.status).toBe(200)
  }

  const stored = () =>
    service
      .knex('users')
      .select('slug', 'email', 'given_name', 'phone_number', 'birthdate', 'status', 'active')
      .orderBy('email')

  /** What came of it. */
  async function outcome(id: string) {
    const receipt = await receiptOf(service, id)
    const { counts, upload, fileName, dryRun, strict, refused } = receipt
    const results: Exchange[] = []
    for (const query of ['', 'only=invalid']) results.push(await resultOf(service, id, { query }))
    results.push(await resultOf(service, id, { headers: { Accept: 'application/x-ndjson' } }))
    return {
      receipt: { counts, upload, fileName, dryRun, strict, refused },
      results: results.map(({ status, text, headers, trailers }) => ({
        status,
        text: withoutIds(text),
        charset: headers['import-charset'],
        delimiter: headers['import-delimiter'],
        summary: trailers['import-summary'],
      })),
      users: await stored(),
    }
  }

  it.each(Object.keys(cases))('comes to what it comes to while somebody waits: %s', async (name) => {
    const { body, ...more } = cases[name]!
    const streamed = await upload(service, body, { claims: anna, ...more })
    expect([200, 422]).toContain(streamed.status)
    const wanted = await outcome(idOf(streamed))
    expect(wanted.results[0]?.text).toBe(withoutIds(streamed.text))
    await reset()
    const answer = await uploadLater(service, body, more)
    expect([answer.status, answer.text]).toEqual([202, ''])
    expect(await untilJob(service, idOf(answer))).toMatchObject({ state: 'finished' })
    expect(await outcome(idOf(answer))).toEqual(wanted)
  })

  it.each(['', 'strict=true', 'dryRun=true'])(
    'of a form with its token in it, too, with ?%s',
    async (query) => {
      const post = (async: boolean) =>
        (async (token: string) =>
          upload(service, formOf(token, faulty), {
            token: '',
            query: [map, query, ...(async ? ['async=true'] : [])].filter((each) => each !== '').join('&'),
            headers: { 'Content-Type': formType },
          }))(tokens[0]!)
      const tokens = [await service.token(anna)]
      const streamed = await post(false)
      expect([200, 422]).toContain(streamed.status)
      const wanted = await outcome(idOf(streamed))
      expect(wanted.receipt.fileName).toBe('people.csv')
      await reset()
      const answer = await post(true)
      expect([answer.status, answer.headers['location']]).toEqual([202, `${importPath}/${idOf(answer)}`])
      await untilJob(service, idOf(answer))
      expect(await outcome(idOf(answer))).toEqual(wanted)
    },
  )
})
