import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import type { Answer } from './oracle/answer.ts'
import type { Upload } from './upload.ts'

export const importPath = '/api/import/organization/users'

// Trouble with the database may hold an answer up for 30 seconds; more than twice that is for ever.
const PATIENCE = 75_000

/** Where the service is, and who calls. */
export interface Target {
  readonly url: string
  readonly token: string
}

export interface PostOptions {
  readonly key?: string
  readonly detailed?: boolean
  /** Of the file, only so many bytes are sent, then the connection is reset. */
  readonly cutAfter?: number
  /** How long to wait before that reset, in milliseconds: what was sent may be read meanwhile. Default 0. */
  readonly cutDelay?: number
  /** The connection is reset once so many bytes of the answer's body have come. */
  readonly cutAtAnswer?: number
  /** Called with the number of bytes of the answer's body so far. */
  readonly onAnswer?: (bytes: number) => void
  /** The last bytes of the file are not sent until this resolves. */
  readonly hold?: Promise<void>
  /** In milliseconds without a byte. */
  readonly patience?: number
}

/**
 * Sends an upload and reads the answer at the same time.
 *
 * @returns what came, however it ended; it never rejects
 */
export function post(target: Target, upload: Upload, options: PostOptions = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const asked = request(
      `${target.url}${importPath}${options.detailed === true ? '?dispositions=detailed' : ''}`,
      {
        method: 'POST',
        agent: false,
        headers: {
          Host: 'localhost',
          Authorization: `Bearer ${target.token}`,
          'Content-Type': 'text/csv',
          ...(options.key === undefined ? {} : { 'Idempotency-Key': options.key }),
        },
      },
    )
    const listening = new Listening(asked, options, resolve)
    void send(asked, upload, options, listening)
  })
}

/** Gets something of the service; an answer that never ends is `hung`. */
export function get(target: Target, path: string, patience = PATIENCE): Promise<Answer> {
  return new Promise((resolve) => {
    const asked = request(`${target.url}${path}`, {
      agent: false,
      headers: { Host: 'localhost', Authorization: `Bearer ${target.token}` },
    })
    new Listening(asked, { patience }, resolve)
    asked.end()
  })
}

async function send(
  asked: ClientRequest,
  upload: Upload,
  { cutAfter = Infinity, cutDelay = 0, hold }: PostOptions,
  listening: Listening,
): Promise<void> {
  let left = cutAfter
  let held: Buffer | undefined
  for (const chunk of upload.chunks()) {
    if (listening.over) return
    if (held !== undefined) await written(asked, held)
    held = chunk.length <= left ? chunk : chunk.subarray(0, left)
    left -= held.length
    if (left === 0) break
  }
  if (held !== undefined && hold === undefined) await written(asked, held)
  if (held !== undefined && hold !== undefined) {
    await written(asked, held.subarray(0, -1))
    await hold
    await written(asked, held.subarray(-1))
  }
  if (left > 0) {
    asked.end()
    return
  }
  await setTimeout(cutDelay)
  asked.socket?.resetAndDestroy()
}

/** Resolves when the bytes have left, or never will. */
async function written(asked: ClientRequest, bytes: Buffer): Promise<void> {
  if (asked.destroyed) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      asked.off('close', done)
      resolve()
    }
    asked.once('close', done)
    asked.write(bytes, done)
  })
}

/** Gathers an answer until it ends, one way or the other. */
class Listening {
  over = false
  readonly #asked: ClientRequest
  readonly #options: PostOptions
  readonly #resolve: (answer: Answer) => void
  readonly #chunks: Buffer[] = []
  #length = 0
  #response: IncomingMessage | undefined
  #timer: NodeJS.Timeout

  constructor(asked: ClientRequest, options: PostOptions, resolve: (answer: Answer) => void) {
    this.#asked = asked
    this.#options = options
    this.#resolve = resolve
    this.#timer = this.#patience()
    asked.on('response', (response) => {
      this.#listen(response)
    })
    asked.on('error', () => {
      this.#end('broken')
    })
    asked.on('close', () => {
      this.#end('broken')
    })
  }

  #patience(): NodeJS.Timeout {
    return globalThis.setTimeout(() => {
      this.#end('hung')
    }, this.#options.patience ?? PATIENCE)
  }

  #listen(response: IncomingMessage): void {
    const { onAnswer, cutAtAnswer = Infinity } = this.#options
    this.#response = response
    response.on('data', (chunk: Buffer) => {
      clearTimeout(this.#timer)
      this.#timer = this.#patience()
      this.#chunks.push(chunk)
      this.#length += chunk.length
      onAnswer?.(this.#length)
      if (this.#length >= cutAtAnswer) this.#asked.socket?.resetAndDestroy()
    })
    response.on('end', () => {
      this.#end(response.complete ? 'complete' : 'broken')
    })
    response.on('error', () => {
      this.#end('broken')
    })
  }

  #end(ending: Answer['ending']): void {
    if (this.over) return
    this.over = true
    clearTimeout(this.#timer)
    const response = this.#response
    this.#resolve({
      status: response?.statusCode ?? 0,
      headers: (response?.headers ?? {}) as Answer['headers'],
      trailers: response?.trailers ?? {},
      body: Buffer.concat(this.#chunks),
      ending,
    })
    this.#asked.destroy()
  }
}
