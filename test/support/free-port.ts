import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'

const LOWEST = 10_000
const USUAL_END = 32_768

/**
 * A port of 127.0.0.1 that is free and stays so: of those that the system gives to nobody by itself. The others may be
 * given to any connection of this machine while nobody listens there, and then who closed a server can't open it again.
 */
export async function freePort(): Promise<number> {
  const end = await endOfQuietPorts()
  for (;;) {
    const port = randomInt(LOWEST, end)
    if (await isFree(port)) return port
  }
}

/** The first port that the system gives away. Where that is nearly all of them, its usual one is as good as any. */
async function endOfQuietPorts(): Promise<number> {
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '')
  const first = Number.parseInt(range, 10)
  return first > LOWEST + 1_000 ? first : USUAL_END
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
