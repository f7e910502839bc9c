import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ErrorCode } from '../errors.ts'
import { breakOff } from './break-off.ts'

/** How long connections are kept, in milliseconds. */
export interface ConnectionLimits {
  /** For the head of a request to come. */
  readonly head: number
  /** Without anything that moves, where it is the client who should send. */
  readonly idle: number
  /** Without anything that moves, where it is the client who should take what is there of his answer. */
  readonly unread: number
}

/**
 * A slow reader is seen to take something only when a third of the system's buffer is free again, which has up
 * to 4 MiB: at 1 kB a second that is 23 minutes.
 */
export const connectionLimits: ConnectionLimits = { head: 60_000, idle: 120_000, unread: 1_800_000 }

/**
 * The open connections of a server, and the answers under way on each. Node's own accounts leave out connections
 * that have sent nothing yet, and it ends connections with a FIN, which under HTTP/1.0 makes an answer that was
 * cut look complete.
 */
export class Connections {
  readonly #server: Server
  readonly #limits: ConnectionLimits
  readonly #unread = new WeakSet<Socket>()
  readonly #answers = new Map<Socket, Set<ServerResponse>>()
  #stopping = false

  constructor(server: Server, limits: ConnectionLimits) {
    this.#server = server
    this.#limits = limits
    server.on('connection', (socket) => {
      this.#answers.set(socket, new Set())
      socket.once('close', () => this.#answers.delete(socket))
    })
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      if (error.code === 'ECONNRESET' || this.#hasBegun(socket)) this.cut(socket)
      else refuse(socket, refusals[error.code ?? ''] ?? malformed)
    })
    server.setTimeout(limits.idle, (socket) => {
      this.#idle(socket)
    })
  }

  /** Takes note of a request until it is answered. */
  add({ socket }: IncomingMessage, res: ServerResponse): void {
    const answers = this.#answers.get(socket)
    answers?.add(res)
    res.once('close', () => {
      answers?.delete(res)
      if (this.#stopping && answers?.size === 0) socket.destroySoon()
    })
  }

  /**
   * Ends a connection on which nothing has moved for long, unless the client waits for the service. While an
   * upload is waited for, its own patience is at work.
   */
  #idle(socket: Socket): void {
    const isUnderWay = (this.#answers.get(socket)?.size ?? 0) > 0
    const isUnread = socket.writableLength > 0
    if (!isUnderWay || (isUnread && this.#unread.has(socket))) this.cut(socket)
    else {
      if (isUnread) this.#unread.add(socket)
      else this.#unread.delete(socket)
      socket.setTimeout(isUnread ? this.#limits.unread : this.#limits.idle)
    }
  }

  #hasBegun(socket: Socket): boolean {
    return [...(this.#answers.get(socket) ?? [])].some(({ headersSent }) => headersSent)
  }

  /**
   * Ends a connection. While an answer is under way that is a reset; else what the system still has to deliver
   * of the last answer is delivered.
   */
  cut(socket: Socket): void {
    const answers = this.#answers.get(socket)?.size ?? 0
    if (answers > 0) breakOff(socket)
    else socket.destroy()
  }

  /** Ends the connections that wait for a request, and the others once theirs is answered. */
  endIdle(): void {
    this.#stopping = true
    this.#server.closeIdleConnections()
    for (const socket of this.#answers.keys()) if (socket.bytesRead === 0) socket.destroy()
  }

  /** Breaks off whatever is under way. */
  cutAll(): void {
    for (const socket of this.#answers.keys()) this.cut(socket)
  }
}

// What a client has to read an answer to what was no request; then its connection ends, whatever it does.
const REFUSED_MILLISECONDS = 1_000

interface Refusal {
  readonly status: number
  readonly code: ErrorCode
  readonly detail: string
}

const malformed: Refusal = {
  status: 400,
  code: 'request.malformed',
  detail: 'The request could not be read as HTTP.',
}

/** What is no request, by the codes that Node has for it. */
const refusals: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'request.malformed',
    detail:
      'The header fields are larger than 16 KiB together: leave out what is not needed, such as cookies.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'request.too_slow',
    detail: 'The head of the request came too slowly: send it again.',
  },
}

/** Answers what is no request. No Express has seen it, so its answer is written by hand. */
function refuse(socket: Socket, { status, code, detail }: Refusal): void {
  const title = STATUS_CODES[status] ?? ''
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, code })
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
  setTimeout(() => {
    socket.destroy()
  }, REFUSED_MILLISECONDS)
}
