import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { Connections } from './connections.ts'

/** A server that is listening. */
export interface RunningServer {
  /** Where it listens, `http://ADDRESS:PORT`. */
  readonly url: string
  /**
   * Takes no new connections and lets running requests finish, for `patience` milliseconds at most; what
   * is left then is broken off.
   */
  stop(patience: number): Promise<void>
}

// Nothing moves in either direction for this long: the other side is gone, or means us harm.
const IDLE_MILLISECONDS = 120_000

/**
 * Starts to listen.
 *
 * @param stopping - whether the service is on its way down: then answers ask for no further requests
 */
export async function listen(
  app: RequestListener,
  { host, port, stopping }: { host: string; port: number; stopping: () => boolean },
): Promise<RunningServer> {
  const server = createServer({ requireHostHeader: false }, (req, res) => {
    connections.add(req, res)
    if (stopping()) res.setHeader('Connection', 'close')
    app(req, res)
  })
  const connections = new Connections(server)
  // It would cover the whole upload, and cut answers that have begun; idle connections are cut below.
  server.requestTimeout = 0
  server.setTimeout(IDLE_MILLISECONDS, (socket) => {
    connections.cut(socket)
  })
  // Whoever has sent everything may say so by closing his half, and still gets the whole answer.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.listen({ host, port })
  await once(server, 'listening')
  const { port: actual } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    stop: async (patience) => {
      const closed = once(server, 'close')
      server.close()
      connections.endIdle()
      const impatient = setTimeout(() => {
        connections.cutAll()
      }, patience)
      await closed
      clearTimeout(impatient)
    },
  }
}
