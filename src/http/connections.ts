import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The open connections of a server, and which of them have a request under way. Node's own accounts leave out
 * connections that have sent nothing yet, and it ends connections with a FIN, which under HTTP/1.0 makes an
 * answer that was cut look complete.
 */
export class Connections {
  readonly #underWay = new Map<Socket, number>()
  #stopping = false

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#underWay.set(socket, 0)
      socket.once('close', () => this.#underWay.delete(socket))
    })
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      if (this.#isUnderWay(socket) || error.code === 'ECONNRESET') this.cut(socket)
      else socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    })
  }

  /** Counts a request until it is answered. */
  count({ socket }: IncomingMessage, res: ServerResponse): void {
    this.#underWay.set(socket, (this.#underWay.get(socket) ?? 0) + 1)
    res.once('close', () => {
      const left = (this.#underWay.get(socket) ?? 1) - 1
      if (!socket.destroyed) this.#underWay.set(socket, left)
      if (this.#stopping && left === 0) socket.end()
    })
  }

  #isUnderWay(socket: Socket): boolean {
    return (this.#underWay.get(socket) ?? 0) > 0
  }

  /**
   * Ends a connection. While a request is under way that is a reset; else what the system still has to deliver
   * of the last answer is delivered.
   */
  cut(socket: Socket): void {
    if (this.#isUnderWay(socket)) socket.resetAndDestroy()
    else socket.destroy()
  }

  /** Ends the connections without a request now, and the others when theirs is answered. */
  endIdle(): void {
    this.#stopping = true
    for (const [socket, count] of this.#underWay) if (count === 0) socket.destroy()
  }

  /** Breaks off whatever is under way. */
  cutAll(): void {
    for (const socket of this.#underWay.keys()) this.cut(socket)
  }
}
