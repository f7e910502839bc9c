import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  boundary,
  formOf,
  formType,
  startUploadServer,
  type Part,
  type UploadServer,
} from './upload-server.ts'

const csv = 'email\nanna@example.com\n'
const file: Part = { fileName: 'users.csv', type: 'text/csv', value: csv }
const token: Part = { name: 'access_token', value: 'a.b.c' }
const authorized = { Authorization: 'Bearer x', 'Content-Type': formType }
const withoutToken = { 'Content-Type': formType }

describe('a form', () => {
  let server: UploadServer

  beforeAll(async () => {
    server = await startUploadServer({ optionNames: ['dryRun', 'map'] })
  })
  afterAll(() => server.close())

  it.each<[string, readonly Part[], string]>([
    ['without any part', [], 'no file'],
    ['with fields only', [{ name: 'note', value: 'x' }], 'no file'],
    ['whose file has no file name', [{ name: 'file', value: csv }], 'part with a file name'],
    ['with two files', [file, file], 'more than one file'],
    ['with the token behind the file', [file, token], 'put it before the file'],
    ['with two tokens', [token, token, file], 'Send the token once|twice'],
    [
      'with a field that would be an option of the query',
      [{ name: 'dryRun', value: 'true' }, file],
      '\\?dryRun=',
    ],
    ['with such a field behind the file', [file, { name: 'map', value: 'email:x' }], '\\?map='],
    ['with 51 fields', [...Array.from({ length: 51 }, () => ({ name: 'a', value: '' })), file], '50 fields'],
    ['with a file in base64', [{ ...file, more: 'Content-Transfer-Encoding: base64\r\n' }], 'base64'],
    ['with a part whose headers are none', [{ ...file, more: '\u0000\u0001:\r\n' }], 'headers'],
  ])('%s is refused with a 400 that says what to do', async (_what, parts, says) => {
    const answer = await server.post(formOf(parts), authorized)
    expect(answer).toMatchObject({ status: 400, code: 'request.form' })
    expect(answer.detail).toMatch(new RegExp(says))
    expect(server.endings.at(-1)).not.toBe('complete')
  })

  it('whose file comes after a MiB of something else is refused', async () => {
    const long = { name: 'note', value: 'x'.repeat(700_000) }
    const answer = await server.post(formOf([long, long, file]), authorized)
    expect(answer).toMatchObject({ status: 400, code: 'request.form' })
  })

  it.each([
    ['multipart/form-data', 400],
    ['multipart/form-data; boundary=', 400],
    [`multipart/form-data; boundary=${'b'.repeat(71)}`, 400],
    [`multipart/mixed; boundary=${boundary}`, 415],
    ['application/x-www-form-urlencoded', 415],
  ])('of Content-Type %s is refused with %i', async (type, status) => {
    expect(await server.post(formOf([file]), { ...authorized, 'Content-Type': type })).toMatchObject({
      status,
    })
  })

  it('with a header and a token is refused, for it may mean two callers', async () => {
    const answer = await server.post(formOf([token, file]), authorized)
    expect(answer).toMatchObject({ status: 400, code: 'request.form' })
    expect(answer.detail).toContain('once')
  })

  it.each<[string, readonly Part[]]>([
    ['without a token', [file]],
    [
      'with the token behind the file only, where it is still on its way',
      [{ ...file, value: 'x'.repeat(300_000) }, token],
    ],
    ['with a token that can be none', [{ name: 'access_token', value: 'a b\r\nc' }, file]],
    ['with a token longer than any', [{ name: 'access_token', value: 'x'.repeat(20_000) }, file]],
    ['with an empty token', [{ name: 'access_token', value: '' }, file]],
  ])('%s is challenged with 401', async (_what, parts) => {
    const answer = await server.post(formOf(parts), withoutToken)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
    expect(answer.detail).toContain('access_token')
  })

  it('with the token behind the file only, where it has come, is told to put it before the file', async () => {
    expect(await server.post(formOf([file, token]), withoutToken)).toMatchObject({ code: 'request.form' })
  })

  const whole = formOf([{ ...token }, file, { name: 'send', value: 'Send' }])

  it('never looks complete where it is cut, at any byte', async () => {
    const last = whole.indexOf(`--${boundary}--`) + boundary.length + 4
    for (let at = 0; at < last; at += 1) {
      const answer = await server.post(whole.subarray(0, at), withoutToken)
      expect({ at, status: answer.status }).toEqual({ at, status: 400 })
      expect(answer.code).toBe('request.interrupted')
      expect(server.endings.at(-1)).not.toBe('complete')
    }
    expect((await server.post(whole.subarray(0, last), withoutToken)).status).toBe(200)
  })

  it('never looks complete where the connection ends in its middle', async () => {
    const before = server.endings.length
    for (const at of [whole.length - 1, whole.length - 30, whole.indexOf(csv) + 5]) {
      const client = await server.connect()
      await client.write(
        `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${formType}\r\nContent-Length: ${whole.length}\r\n\r\n`,
      )
      await client.write(whole.subarray(0, at))
      client.socket.end()
      await client.ending()
      client.destroy()
    }
    expect(server.endings.slice(before)).toHaveLength(3)
    expect(server.endings.slice(before)).not.toContain('complete')
  })

  it('gives its file, the name of it and the token', async () => {
    expect(await server.post(whole, withoutToken)).toMatchObject({
      status: 200,
      text: csv,
      fileName: 'users.csv',
      accessToken: 'a.b.c',
    })
  })

  it('as fetch sends it is read', async () => {
    const form = new FormData()
    form.set('access_token', 'a.b.c')
    form.set('file', new Blob([csv]), 'Ümläut "2".csv')
    expect(await server.post(form)).toMatchObject({ text: csv, fileName: 'Ümläut %222%22.csv' })
  })

  it('is unpacked as a whole where it says that it is gzip', async () => {
    const headers = { ...withoutToken, 'Content-Encoding': 'gzip' }
    expect(await server.post(gzipSync(whole), headers)).toMatchObject({ text: csv, accessToken: 'a.b.c' })
    expect((await server.post(gzipSync(whole.subarray(0, -20)), headers)).code).toBe('request.interrupted')
    expect((await server.post(gzipSync(whole).subarray(0, -9), headers)).code).toBe('encoding.broken')
  })

  it('with an empty file gives an empty upload, whether one was chosen or not', async () => {
    expect(await server.post(formOf([{ ...file, value: '' }]), authorized)).toMatchObject({ text: '' })
    const none = { fileName: '', type: 'application/octet-stream', value: '' }
    const answer = await server.post(formOf([none]), authorized)
    expect(answer).toMatchObject({ status: 200, text: '' })
    expect(answer.fileName).toBeUndefined()
  })

  it.each(['application/pdf', 'text/csv; charset=utf-16', 'image/png', 'nonsense', ''])(
    'does not look at the type %s of its file',
    async (type) => {
      expect(await server.post(formOf([{ ...file, type }]), authorized)).toMatchObject({
        status: 200,
        text: csv,
      })
    },
  )

  it('may have fields of its own, a part without a name, a preamble and an epilogue', async () => {
    const form = formOf([{ name: '_charset_', value: 'utf-8' }, { name: '__proto__', value: 'x' }, file])
    const wrapped = Buffer.concat([Buffer.from('preamble\r\n'), form, Buffer.from('epilogue\r\n--more')])
    expect(await server.post(wrapped, authorized)).toMatchObject({ status: 200, text: csv })
  })

  it('keeps line ends, and what only looks like a boundary', async () => {
    for (const value of [
      'a\r\n',
      '\r\n\r\n',
      'a\r\n--',
      `a\r\n-${boundary}`,
      `--${boundary.slice(0, -1)}\r\n`,
    ]) {
      expect(await server.post(formOf([{ ...file, value }]), authorized)).toMatchObject({ text: value })
    }
  })

  it('is read the same byte by byte', async () => {
    const client = await server.connect()
    await client.write(
      `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${formType}\r\nContent-Length: ${whole.length}\r\n\r\n`,
    )
    client.socket.setNoDelay(true)
    for (const byte of whole) await client.write(Buffer.of(byte))
    await client.until((text) => text.includes('}'))
    expect(JSON.parse(client.body.text)).toMatchObject({
      text: csv,
      fileName: 'users.csv',
      accessToken: 'a.b.c',
    })
  })

  it('may be a little larger than the largest file, but its file may not', async () => {
    const largest = 'x'.repeat(1_000_000)
    const taken = await server.post(formOf([{ ...file, value: largest }]), authorized)
    expect(taken.text === largest).toBe(true)
    const answer = await server.post(formOf([{ ...file, value: `${largest}x` }]), authorized)
    expect(answer).toMatchObject({ status: 413, code: 'upload.too_large' })
  })
})
