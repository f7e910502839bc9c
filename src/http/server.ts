import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { RefusedStart } from '../errors.ts'
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

/** The address can't be listened on. Its message is for people. */
export class CannotListen extends RefusedStart {
  override readonly name = 'CannotListen'
}

/**
 * Starts to listen.
 *
 * @throws CannotListen If another process has the port, the host is none of this machine, or the port needs other rights
 */
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
  await once(server, 'listening').catch((error: unknown) => {
    throw new CannotListen(whyNot(error, options), { cause: error })
  })
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

function whyNot(error: unknown, { host, port }: ListenOptions): string {
  const { code } = error as NodeJS.ErrnoException
  const where = `PORT ${port} of HOST ${host} can not be listened on`
  if (code === 'EADDRINUSE') return `${where}: another process has it. Stop that process, or set PORT.`
  if (code === 'EACCES') return `${where} without the rights for it: set PORT to 1024 or more.`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `${where}: this machine has no such address. Set HOST.`
  return `${where} (${code ?? 'for an unknown reason'}): set PORT or HOST.`
}
