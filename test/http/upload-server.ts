import express from 'express'
import { createLog } from '../../src/log.ts'
import type { ConnectionLimits } from '../../src/http/connections.ts'
import { drainRest } from '../../src/http/drain.ts'
import { answerProblem } from '../../src/http/problem.ts'
import { listen } from '../../src/http/server.ts'
import { openUpload, type UploadOptions } from '../../src/http/upload.ts'
import { RawClient } from '../support/raw-client.ts'
import { inTime, PATIENCE } from '../support/until.ts'

/** What the server says of an upload that it has read. */
export interface Seen {
  readonly text: string
  readonly fileName?: string
  readonly charset?: string
  readonly accessToken?: string
}

export interface UploadServerOptions extends Partial<UploadOptions> {
  readonly limits?: ConnectionLimits
  /** Called with each piece; what it waits for holds up the upload. */
  readonly onPiece?: (piece: Buffer, res: express.Response) => Promise<unknown> | undefined
}

/** A server that only takes uploads and says what it has got. */
export async function startUploadServer({ limits, onPiece, ...given }: UploadServerOptions = {}) {
  const app = express()
  const pieces: Buffer[] = []
  const endings: unknown[] = []
  app.use(drainRest)
  app.post('/', async (req, res) => {
    try {
      const { bytes, ...upload } = await openUpload(req, { maxBytes: 1_000_000, ...given })
      const own: Buffer[] = []
      for await (const piece of bytes) {
        own.push(piece)
        pieces.push(piece)
        await onPiece?.(piece, res)
      }
      endings.push('complete')
      if (res.headersSent) res.end('whole')
      else res.json({ ...upload, text: Buffer.concat(own).toString() })
    } catch (error) {
      endings.push(error)
      throw error
    }
  })
  app.get('/', (_req, res) => {
    res.send('still here')
  })
  app.use(answerProblem(createLog('silent')))
  const server = await listen(app, {
    host: '127.0.0.1',
    port: 0,
    stopping: () => false,
    ...(limits === undefined ? {} : { limits }),
  })
  const port = Number(new URL(server.url).port)
  const clients: RawClient[] = []
  return {
    url: server.url,
    port,
    /** What has come so far of all uploads. */
    received: () => Buffer.concat(pieces),
    /** How each upload ended: 'complete', or its error. */
    endings,
    connect: async () => {
      const client = await RawClient.connect({ port })
      clients.push(client)
      return client
    },
    post: async (
      body: string | Uint8Array | FormData | ReadableStream<Uint8Array>,
      headers: Record<string, string> = {},
    ) => {
      const answer = await fetch(server.url, { method: 'POST', body, headers, duplex: 'half' })
      const said = (await answer.json()) as Seen & { code?: string; detail?: string }
      return { status: answer.status, headers: answer.headers, ...said }
    },
    /** Fails where a connection outlives its client. */
    close: async () => {
      for (const client of clients) {
        client.destroy()
      }
      await inTime(server.stop(PATIENCE))
    },
  }
}

export type UploadServer = Awaited<ReturnType<typeof startUploadServer>>

export interface Part {
  readonly name?: string
  readonly fileName?: string
  readonly type?: string
  readonly value: string | Uint8Array
  /** More header lines of the part, each with its line end. */
  readonly more?: string
}

export const boundary = 'a-boundary-of-the-tests'
export const formType = `multipart/form-data; boundary=${boundary}`

/** A form as it travels. */
export function formOf(parts: readonly Part[], end = `--${boundary}--\r\n`): Buffer {
  const written = parts.flatMap(({ name = 'file', fileName, type, value, more = '' }) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"`,
    fileName === undefined ? '' : `; filename="${fileName}"`,
    type === undefined ? '' : `\r\nContent-Type: ${type}`,
    `\r\n${more}\r\n`,
    value,
    '\r\n',
  ])
  return Buffer.concat([...written, end].map((each) => Buffer.from(each)))
}
