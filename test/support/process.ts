import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout } from 'node:timers/promises'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The service as a process of its own. */
export interface ServiceProcess {
  readonly child: ChildProcess
  /** What it printed so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  readonly exit: Promise<Exit>
  /** Waits until it listens. */
  url(): Promise<string>
  /** Waits until it has prepared its database. */
  ready(): Promise<void>
  /** Waits until it is ready, and gives the token that it printed. */
  token(): Promise<string>
  /** Ends it if it still runs. */
  kill(): Promise<void>
}

/** Starts a program of the project with these settings and no others. */
export function startProcess(
  settings: Readonly<Record<string, string>>,
  program = 'src/main.ts',
  args: readonly string[] = [],
): ServiceProcess {
  const env = { PATH: process.env['PATH'], PORT: '0', ...settings }
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
    cwd: root,
    env,
    stdio: 'pipe',
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()))
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
  const exit = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }))
  let ended = false
  void exit.then(() => (ended = true))

  const heard = async (pattern: RegExp): Promise<string> => {
    const end = Date.now() + 120_000
    while (Date.now() < end) {
      const found = pattern.exec(stdout)?.[1]
      if (found !== undefined) return found
      if (ended) break
      await setTimeout(20)
    }
    throw new Error(`${program} did not say ${pattern.source}:\n${stdout}\n${stderr}`)
  }
  return {
    child,
    exit,
    stdout: () => stdout,
    stderr: () => stderr,
    url: () => heard(/"url":"(http:[^"]+)"/),
    ready: async () => {
      await heard(/"msg":"(ready)"/)
    },
    token: () => heard(/TOKEN=(\S+)/),
    kill: async () => {
      if (!ended) child.kill('SIGKILL')
      await exit
    },
  }
}
