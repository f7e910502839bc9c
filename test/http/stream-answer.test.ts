import { describe, expect, it } from '@jest/globals'
import type { Response } from 'express'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { AnswerText } from '../../src/http/answer-text.ts'
import { goneSignal } from '../../src/http/gone.ts'
import { streamAnswer } from '../../src/http/stream-answer.ts'
import type { StoredChunk } from '../../src/receipts/chunk.ts'
import type { Counts } from '../../src/receipts/counts.ts'

const text: AnswerText = {
  mediaType: 'text/csv',
  outcome: 'imported' as const,
  extension: 'csv',
  head: 'head\n',
  chunk: ({ answer }) => answer,
  tail: '',
}

/** Lends the answer to a request over a real connection. */
async function withRequest(use: (res: ServerResponse, client: Socket) => Promise<void>): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const [, res] = (await once(server, 'request')) as [unknown, ServerResponse]
  try {
    await use(res, client)
  } finally {
    client.destroy()
    server.close()
  }
}

/** Chunks without an end, and whether somebody has ended them. */
function endless() {
  const state = { ended: false, made: 0 }
  async function* chunks(): AsyncGenerator<StoredChunk, Counts> {
    try {
      for (;;) {
        await Promise.resolve()
        state.made += 1
        yield { firstRow: 2, answer: Buffer.alloc(100_000, 'x'), notes: Buffer.from('{}') }
      }
    } finally {
      state.ended = true
    }
  }
  return { state, chunks: chunks() }
}

describe('an answer that is streamed', () => {
  it('is given up where the client has gone before its first piece was there, and ends what makes it', async () => {
    await withRequest(async (res, client) => {
      client.destroy()
      await once(res, 'close')
      const { chunks, state } = endless()
      await streamAnswer(res as Response, {
        text,
        chunks,
        gone: goneSignal(res as Response),
      })
      expect(state.made).toBe(0)
      await expect(chunks.next()).resolves.toMatchObject({ done: true })
    })
  })

  it('is given up where the client goes while it waits for him to read, and ends what makes it', async () => {
    await withRequest(async (res, client) => {
      client.pause()
      const { chunks, state } = endless()
      const streaming = streamAnswer(res as Response, {
        text,
        chunks,
        gone: goneSignal(res as Response),
      })
      while (!res.writableNeedDrain) await new Promise((resolve) => setTimeout(resolve, 5))
      client.destroy()
      await streaming
      expect(state.ended).toBe(true)
    })
  })

  it('fails as its chunks fail, and has no end then', async () => {
    await withRequest(async (res) => {
      async function* failing(): AsyncGenerator<StoredChunk, Counts> {
        yield { firstRow: 2, answer: Buffer.from('one\n'), notes: Buffer.from('{}') }
        await Promise.resolve()
        throw new RangeError('cut')
      }
      const streaming = streamAnswer(res as Response, {
        text,
        chunks: failing(),
        gone: goneSignal(res as Response),
      })
      await expect(streaming).rejects.toThrow(new RangeError('cut'))
      expect(res.writableEnded).toBe(false)
    })
  })
})
