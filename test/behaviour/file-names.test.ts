import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { newest } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

describe('the file name in a receipt', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it.each([
    'users.csv',
    'Größe — 日本.csv',
    'a\u0000b.csv',
    'a\u0007b.csv',
    '../../etc/passwd',
    'C:\\Users\\me\\users.csv',
    '<script>alert(1)</script>.csv',
    `${'x'.repeat(300)}.csv`,
    '',
  ])('is that of the form, were it %j, and never a mistake of ours', async (name) => {
    const form = new FormData()
    form.set('file', new File(['email\na@example.com\n'], name))
    const answer = await fetch(`${service.url}${importPath}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${await service.token()}` },
      body: form,
    })
    const text = await answer.text()
    if (/\p{Cc}/u.test(name)) {
      expect(answer.status).toBe(400)
      return
    }
    expect([answer.status, text.split('\n')[1]?.slice(0, 9)]).toEqual([200, 'imported,'])
    const [receipt] = await newest(service)
    expect(receipt!.fileName ?? '').not.toMatch(/\p{Cc}/u)
    if (/^[^\p{Cc}/\\]{1,200}$/u.test(name)) expect(receipt!.fileName).toBe(name)
  })
})
