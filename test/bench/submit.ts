import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { request, type Agent, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { json, text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'

/** What is handed over to the workers. */
export interface Submission {
  /** Where to, and later where its receipt is. */
  readonly url: URL
  readonly headers: OutgoingHttpHeaders
  readonly before: string
  /** What stands between the two; may be left out. */
  readonly file?: string
  readonly after: string
}

/** That an import was accepted. */
export interface Accepted {
  readonly location: URL
  /** When it was sent, in milliseconds since 1970. */
  readonly sentAt: number
  /** From the request to its answer. */
  readonly seconds: number
}

/** What the receipt of an import that has ended says. */
export interface Ended {
  readonly state: string
  readonly counts: Readonly<Record<string, number>>
  /** When a worker began, and when it had done it. */
  readonly startedAt: number
  readonly endedAt: number
}

const PIECE = 256 * 1024

/** Sends an import. @throws Error If the answer is not 202 */
export async function submit(submission: Submission, signal: AbortSignal, agent?: Agent): Promise<Accepted> {
  const { url, headers, before, file, after } = submission
  const size = file === undefined ? 0 : (await stat(file)).size
  const [sentAt, started] = [Date.now(), performance.now()]
  const length = Buffer.byteLength(before) + size + Buffer.byteLength(after)
  const sending = request(url, {
    method: 'POST',
    agent: agent ?? false,
    signal,
    headers: { ...headers, 'Content-Length': length },
  })
  const answered = once(sending, 'response', { signal }) as Promise<[IncomingMessage]>
  sending.write(before)
  if (file !== undefined) {
    for await (const bytes of createReadStream(file, { highWaterMark: PIECE }))
      if (!sending.write(bytes)) await once(sending, 'drain', { signal })
  }
  sending.end(after)
  const [response] = await answered
  const said = await text(response)
  if (response.statusCode !== 202)
    throw new Error(`The import was answered ${response.statusCode ?? 0}: ${said}`)
  const seconds = (performance.now() - started) / 1000
  return { location: new URL(response.headers.location ?? '', url), sentAt, seconds }
}

interface ReceiptJson {
  readonly state: string
  readonly counts: Readonly<Record<string, number>>
  readonly endedAt: string | null
  readonly progress: { readonly startedAt: string | null } | null
}

// Often enough, since the receipt itself tells when the import had ended.
const INTERVAL = 100

/** Asks for a receipt until its import has ended. Both clocks must be the same machine's. */
export async function ended(
  location: URL,
  headers: OutgoingHttpHeaders,
  signal: AbortSignal,
  agent?: Agent,
): Promise<Ended> {
  for (;;) {
    const asking = request(location, { headers, agent: agent ?? false, signal }).end()
    const [response] = (await once(asking, 'response', { signal })) as [IncomingMessage]
    const receipt = (await json(response)) as ReceiptJson
    if (receipt.endedAt != null) {
      const { state, counts, endedAt, progress } = receipt
      return { state, counts, startedAt: Date.parse(progress?.startedAt ?? ''), endedAt: Date.parse(endedAt) }
    }
    await setTimeout(INTERVAL, undefined, { signal })
  }
}
