import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { connectionLimits, Connections, type ConnectionLimits } from './connections.ts'
import { expectsToBeAsked } from './expectation.ts'

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

/** Where to listen, and how. */
export interface ListenOptions {
  readonly host: string
  readonly port: number
  /** Whether the service is on its way down: then answers ask for no further requests. */
  readonly stopping: () => boolean
  /** Default: {@link connectionLimits}. */
  readonly limits?: ConnectionLimits
}

/** Starts to listen. */
export async function listen(app: RequestListener, options: ListenOptions): Promise<RunningServer> {
  const { host, port, stopping, limits = connectionLimits } = options
  const timing = {
    headersTimeout: limits.head,
    connectionsCheckingInterval: limits.head / 2,
    // It would cover the whole upload, and cut answers that have begun.
    requestTimeout: 0,
  }
  const answer: RequestListener = (req, res) => {
    connections.add(req, res)
    if (stopping()) res.setHeader('Connection', 'close')
    app(req, res)
  }
  const server = createServer({ requireHostHeader: false, ...timing }, answer)
  server.on('checkContinue', (req, res) => {
    expectsToBeAsked(req, res)
    answer(req, res)
  })
  const connections = new Connections(server, limits)
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
