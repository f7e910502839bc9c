import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { breakOff } from './break-off.ts'

/**
 * The open connections of a server, and the answers under way on each. Node's own accounts leave out connections
 * that have sent nothing yet, and it ends connections with a FIN, which under HTTP/1.0 makes an answer that was
 * cut look complete.
 */
export class Connections {
  readonly #server: Server
  readonly #answers = new Map<Socket, Set<ServerResponse>>()
  #stopping = false

  constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.#answers.set(socket, new Set())
      socket.once('close', () => this.#answers.delete(socket))
    })
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      if (error.code === 'ECONNRESET' || this.#hasBegun(socket)) this.cut(socket)
      else refuse(socket, error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400)
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

/** Answers what is no request. No Express has seen it, so its answer is written by hand. */
function refuse(socket: Socket, status: 400 | 431): void {
  const title = STATUS_CODES[status] ?? ''
  const detail = 'The request could not be read as HTTP.'
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, code: 'request.malformed' })
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
  setTimeout(() => {
    socket.destroy()
  }, REFUSED_MILLISECONDS)
}
