import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { DispositionCounter, type Dispositions } from './dispositions.ts'
import type { Service } from './service.ts'

/** What an upload came to. */
export interface Uploaded {
  readonly dispositions: Dispositions
  /** From the request to the last byte of the answer. */
  readonly seconds: number
}

/**
 * Sends a file to the service and reads the answer while it is sending.
 *
 * @throws Error If the answer is not 200, or breaks off
 */
export async function upload(service: Service, file: string, signal: AbortSignal): Promise<Uploaded> {
  const { size } = await stat(file)
  const started = performance.now()
  const sending = request(new URL('/api/import/organization/users', service.url), {
    method: 'POST',
    agent: false,
    signal,
    headers: { Authorization: `Bearer ${service.token}`, 'Content-Type': 'text/csv', 'Content-Length': size },
  })
  const [dispositions] = await Promise.all([
    readAnswer(once(sending, 'response', { signal }) as Promise<[IncomingMessage]>),
    pipeline(createReadStream(file, { highWaterMark: 256 * 1024 }), sending),
  ])
  return { dispositions, seconds: (performance.now() - started) / 1000 }
}

async function readAnswer(answer: Promise<[IncomingMessage]>): Promise<Dispositions> {
  const [response] = await answer
  if (response.statusCode !== 200) {
    throw new Error(`The import was answered ${response.statusCode ?? 0}: ${await text(response)}`)
  }
  const counter = new DispositionCounter()
  for await (const chunk of response) counter.add(chunk as Buffer)
  if (!response.complete) throw new Error('The answer broke off')
  return counter.counts()
}
