import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** How `/healthz` answered, in milliseconds. */
export interface Health {
  readonly asked: number
  /** Questions without a 200 within ten seconds. */
  readonly failed: number
  readonly p99: number
  readonly longest: number
}

/** Asks `/healthz` every 20 ms while a function runs. */
export async function whilePolling<T>(
  url: string,
  run: () => Promise<T>,
): Promise<{ result: T; health: Health }> {
  const program = fileURLToPath(new URL('poll-healthz.ts', import.meta.url))
  const poller = fork(program, [new URL('/healthz', url).href], { execArgv: ['--import', 'tsx'] })
  const signal = AbortSignal.timeout(30_000)
  try {
    await once(poller, 'message', { signal })
    const result = await run()
    poller.send('stop')
    const [health] = (await once(poller, 'message', { signal: AbortSignal.timeout(30_000) })) as [Health]
    return { result, health }
  } finally {
    poller.kill('SIGKILL')
  }
}
