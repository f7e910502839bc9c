import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { idOf, receiptOf, upload } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

const body = 'email\na@example.com\nb@example.com\n'

describe('an upload in a form, or packed, that is sent again with its Idempotency-Key', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  async function postForm(key: string, text: string): Promise<Response> {
    const form = new FormData()
    form.set('file', new File([text], 'users.csv'))
    return fetch(`${service.url}${importPath}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${await service.token()}`, 'Idempotency-Key': key },
      body: form,
    })
  }

  it('is replayed though its boundary is another, as browsers send it', async () => {
    const [first, second] = [await postForm('form', body), await postForm('form', body)]
    expect([first.status, second.status]).toEqual([200, 200])
    expect(second.headers.get('import-id')).toBe(first.headers.get('import-id'))
    expect(await second.text()).toBe(await first.text())
    expect((await postForm('form', `${body}c@example.com\n`)).status).toBe(422)
    const receipt = await receiptOf(service, first.headers.get('import-id')!)
    expect(receipt.fileName).toBe('users.csv')
    expect(receipt.upload).toEqual({
      bytes: body.length,
      sha256: createHash('sha256').update(body).digest('hex'),
    })
  })

  it.each(['', 'strict=true', 'dryRun=true'])('is replayed where it came packed, with ?%s', async (query) => {
    const headers = { 'Content-Encoding': 'gzip', 'Idempotency-Key': `gzip-${query}` }
    const first = await upload(service, gzipSync(body), { query, headers })
    const second = await upload(service, gzipSync(body), { query, headers })
    expect([first.status, second.status]).toEqual([200, 200])
    expect([idOf(second), second.text]).toEqual([idOf(first), first.text])
  })

  it.each(['', 'strict=true'])(
    'and was cut in the middle of its form is aborted, with ?%s',
    async (query) => {
      const { RawClient } = await import('../support/raw-client.ts')
      const { newestId, untilReceipt, ended } = await import('../support/receipts.ts')
      const client = await RawClient.connect(service)
      const rows = Array.from({ length: 100 }, (_, row) => `cut-${row}@example.com\n`).join('')
      await client.write(
        `POST ${importPath}?${query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await service.token()}\r\n` +
          `Idempotency-Key: cut-${query}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 99999\r\n\r\n` +
          `--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail\n${rows}last@example.co`,
      )
      await new Promise((resolve) => setTimeout(resolve, 500))
      const id = await newestId(service, `?idempotencyKey=${encodeURIComponent(`cut-${query}`)}`)
      client.socket.resetAndDestroy()
      const receipt = await untilReceipt(service, id, ended)
      expect(receipt).toMatchObject({ state: 'aborted', reason: { code: 'request.interrupted' } })
      const emails = await service.knex('users').pluck<string[]>('email')
      expect(emails.filter((email) => email.startsWith('last'))).toEqual([])
      if (query !== '') expect(emails.filter((email) => email.startsWith('cut-'))).toHaveLength(100)
    },
  )
})
