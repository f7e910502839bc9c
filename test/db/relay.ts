import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a database server that can be cut, or can lose what it carries without a word. */
export interface Relay {
  /** The same address as the server's, but by this way. */
  readonly url: string
  /** Ends all connections of now at once. */
  cut(): void
  /** From now on nothing is carried on the connections of now; they stay open, and new ones work. */
  swallow(): void
  close(): Promise<void>
}

/** Opens a way to a server. */
export async function openRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target)
  const pairs = new Set<readonly [Socket, Socket]>()
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    const pair = [near, far] as const
    pairs.add(pair)
    for (const socket of pair) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        pairs.delete(pair)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.pipe(near)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.port = String((server.address() as AddressInfo).port)
  const cut = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
  }
  return {
    url: url.href,
    cut,
    swallow: () => {
      for (const [near, far] of pairs) {
        near.unpipe(far).resume()
        far.unpipe(near).resume()
      }
    },
    close: async () => {
      cut()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
