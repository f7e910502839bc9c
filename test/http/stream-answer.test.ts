import { describe, expect, it } from '@jest/globals'
import type { Response } from 'express'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { ClientGone, streamAnswer } from '../../src/http/stream-answer.ts'

/** Lends the answer to a request whose client has gone already. */
async function withGoneClient(use: (res: ServerResponse) => Promise<void>): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const [, res] = (await once(server, 'request')) as [unknown, ServerResponse]
  client.destroy()
  await once(res, 'close')
  try {
    await use(res)
  } finally {
    server.close()
  }
}

describe('an answer that is streamed', () => {
  it('is given up where the client has gone before its first piece was there, and ends what makes it', async () => {
    await withGoneClient(async (res) => {
      let ended = false
      async function* pieces(): AsyncGenerator<string> {
        try {
          for (;;) {
            await Promise.resolve()
            yield 'x'.repeat(100_000)
          }
        } finally {
          ended = true
        }
      }
      const streaming = streamAnswer(res as Response, pieces(), { begin: () => undefined, head: '' })
      await expect(streaming).rejects.toBeInstanceOf(ClientGone)
      expect(ended).toBe(true)
    })
  })
})
