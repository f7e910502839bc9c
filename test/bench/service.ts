import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { organization } from './files.ts'

/** The service as a process of its own. */
export interface Service {
  readonly url: string
  /** An owner's. */
  readonly token: string
  /** The process that serves: no wrapper. */
  readonly pid: number
}

const START = 60_000
const STOP = 20_000

const root = fileURLToPath(new URL('../../', import.meta.url))
// tsx as a loader and not as a command, which would be a process around the process that counts.
const typescript = ['--import', 'tsx']

/** Starts the service on a database, lends it to a function and stops it afterwards. */
export async function withService<T>(databaseUrl: string, use: (service: Service) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-bench-data-'))
  const env = environment(databaseUrl, dataDir)
  const child = spawn(process.execPath, [...typescript, 'src/main.ts'], { cwd: root, env, stdio: 'pipe' })
  try {
    const url = await listening(child)
    return await use({ url, token: await ownerToken(env), pid: child.pid ?? 0 })
  } finally {
    await stop(child)
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** Nothing of the caller's environment reaches the service but where programs are. */
function environment(databaseUrl: string, dataDir: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    NODE_ENV: 'production',
    PORT: '0',
    HOST: '127.0.0.1',
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    ORGANIZATIONS: `${organization.slug}:${organization.id}`,
    MAX_UPLOAD_BYTES: '4 GiB',
    MAX_ROWS: '10000000',
  }
}

async function ownerToken(env: NodeJS.ProcessEnv): Promise<string> {
  const args = [
    ...typescript,
    'src/cli/token.ts',
    '--organization',
    organization.slug,
    '--role',
    'organization_owner',
  ]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env, timeout: START })
  return stdout.trim()
}

/** @returns the url of the line `listening` in the log; what the service says goes on being read */
async function listening(child: ChildProcess): Promise<string> {
  let said = ''
  const remember = (line: string): void => {
    said = `${said}${line}\n`.slice(-4_000)
  }
  createInterface({ input: child.stderr! }).on('line', remember)
  const lines = createInterface({ input: child.stdout! }).on('line', remember)
  const signal = AbortSignal.timeout(START)
  const ended = once(child, 'exit', { signal }).then(
    () => undefined,
    () => undefined,
  )
  const heard = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const url = urlOf(line)
      if (url !== undefined) resolve(url)
    })
  })
  const url = await Promise.race([heard, ended])
  if (url === undefined) throw new Error(`The service did not start:\n${said}`)
  return url
}

function urlOf(line: string): string | undefined {
  if (!line.includes('"listening"')) return undefined
  return (JSON.parse(line) as { url: string }).url
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP)
  await exit
  clearTimeout(impatience)
}
