import { once } from 'node:events'
import { readSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { importPath } from './service.ts'
import { PATIENCE } from './until.ts'

/** How the other side ended a connection. */
export type Ending = 'ended' | 'reset'

// The last chunk of an answer, and its trailers.
const TAIL = 1_000

/** A connection on which a test writes HTTP by hand. */
export class RawClient {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  #ending: Ending | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
    socket.on('end', () => (this.#ending ??= endOf(socket)))
    socket.on('error', () => (this.#ending ??= 'reset'))
    socket.on('close', () => (this.#ending ??= 'ended'))
  }

  static async connect({ port }: { readonly port: number }): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Resolves when the bytes have left this process. */
  async write(data: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.socket.write(data, (error) => {
        if (error) reject(error)
        else resolve()
      })
    })
  }

  /** Writes one chunk of a body in chunks; an empty one is the last. */
  async chunk(data: string): Promise<void> {
    await this.write(`${Buffer.byteLength(data).toString(16)}\r\n${data}\r\n`)
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.received.toString()
  }

  get status(): number {
    return Number(/^HTTP\/1\.[01] (\d{3})/.exec(this.text)?.[1] ?? 0)
  }

  /** The body, out of its chunks where it came in some, and whether it is complete as HTTP has it. */
  get body(): { readonly text: string; readonly complete: boolean } {
    const all = this.received
    const end = all.indexOf('\r\n\r\n')
    const head = all.toString('latin1', 0, end)
    const rest = all.subarray(end + 4)
    if (end === -1) return { text: '', complete: false }
    if (/^transfer-encoding: chunked$/im.test(head)) return dechunked(rest)
    const length = /^content-length: (\d+)$/im.exec(head)?.[1]
    const complete = length === undefined ? this.#ending === 'ended' : rest.length >= Number(length)
    return { text: rest.toString(), complete }
  }

  /** Waits until what came is as wanted. */
  async until(wanted: (text: string) => boolean, patience = PATIENCE): Promise<void> {
    const end = Date.now() + patience
    while (!wanted(this.text)) {
      if (Date.now() > end || this.#ending !== undefined) {
        throw new Error(`Waited in vain (${this.#ending ?? 'open'}); there came: ${this.text.slice(-400)}`)
      }
      await setTimeout(5)
    }
  }

  /** Waits until an answer in chunks has come to its end. Of a long one it looks at nothing else, time and again. */
  async untilWhole(patience = PATIENCE): Promise<void> {
    const end = Date.now() + patience
    while (!endsWhole(this.#lastBytes().toString())) {
      if (Date.now() > end || this.#ending !== undefined) {
        throw new Error(`Waited in vain (${this.#ending ?? 'open'}); there came: ${this.text.slice(-400)}`)
      }
      await setTimeout(5)
    }
  }

  #lastBytes(): Buffer {
    let [first, length] = [this.#chunks.length, 0]
    while (first > 0 && length < TAIL) length += this.#chunks[(first -= 1)]!.length
    return Buffer.concat(this.#chunks.slice(first)).subarray(-TAIL)
  }

  async ending(patience = PATIENCE): Promise<Ending | 'open'> {
    const end = Date.now() + patience
    while (this.#ending === undefined && Date.now() < end) await setTimeout(5)
    return this.#ending ?? 'open'
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/**
 * Whether the end that Node tells of was one. libuv takes a reset that it sees in one turn with the last bytes for an
 * ordinary end and does not read on, which a client in a busy process meets; the system still has the error in store.
 */
function endOf(socket: Socket): Ending {
  const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle
  try {
    readSync(fd, Buffer.alloc(1))
    return 'ended'
  } catch {
    return 'reset'
  }
}

function dechunked(bytes: Buffer): { text: string; complete: boolean } {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const end = bytes.indexOf('\r\n', at)
    const size = end === -1 ? NaN : Number.parseInt(bytes.toString('latin1', at, end), 16)
    if (size === 0 || Number.isNaN(size)) {
      const complete = size === 0 && /^0\r\n(?:[\w-]+: [^\r\n]*\r\n)*\r\n$/.test(bytes.toString('latin1', at))
      return { text: Buffer.concat(parts).toString(), complete }
    }
    parts.push(bytes.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}

/** Whether an answer in chunks has come to its end, with trailers or without. */
export const endsWhole = (text: string): boolean =>
  /\r\n0\r\n(?:[\w-]+: [^\r\n]*\r\n)*\r\n$/.test(text.slice(-TAIL))

export interface HeadOptions {
  readonly token: string
  readonly version?: '1.0' | '1.1'
  /** Without it the body comes in chunks, under 1.1. */
  readonly length?: number
  readonly query?: string
  /** More header lines, each with its line end. */
  readonly more?: string
}

/** The head of an import's request. */
export function headOf({ token, version = '1.1', length, query, more = '' }: HeadOptions): string {
  const framing = length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
  const target = `${importPath}${query === undefined ? '' : `?${query}`}`
  return (
    `POST ${target} HTTP/${version}\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: text/csv\r\n${framing}\r\n${more}\r\n`
  )
}
