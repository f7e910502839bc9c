import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { makeCredential } from '../../src/auth/credentials.ts'
import { administer } from '../../src/administer.ts'
import { readConfig } from '../../src/config.ts'
import { organization } from './files.ts'

/** What a process of the service does. */
export type Duties = 'web' | 'worker' | 'both'

/** A process of the service: no wrapper. */
export interface ServiceProcess {
  readonly duties: Duties
  readonly pid: number
}

/** The service as processes of its own. */
export interface Service {
  readonly url: string
  /** An owner's, who has an e-mail address. */
  readonly token: string
  readonly processes: readonly ServiceProcess[]
}

/** What may call for an organization, beside a user's token. */
export interface Program {
  readonly organizationId: number
  /** The value of the header `Authorization`. */
  readonly authorization: string
}

const START = 60_000
const STOP = 20_000

const root = fileURLToPath(new URL('../../', import.meta.url))
// tsx as a loader and not as a command, which would be a process around the process that counts.
const typescript = ['--import', 'tsx']

/** What the processes of a service have in common. */
export interface Home {
  /** Starts a process; it is stopped with the home, or before by what this gives. */
  readonly start: (duties: Duties) => Promise<Started>
  readonly token: () => Promise<string>
  /** Makes secrets by which programs call for organizations; on the embedded database before the start. */
  readonly programs: (slugs: readonly string[]) => Promise<readonly Program[]>
}

interface Started extends ServiceProcess {
  /** Of one that answers requests, else ''. */
  readonly url: string
  stop(): Promise<void>
}

/**
 * Lends what is needed to start a service, and stops afterwards what was started.
 *
 * @param databaseUrl - without one the embedded database is used
 * @param slugs - the organizations
 */
export async function withHome<T>(
  {
    databaseUrl,
    slugs = [organization.slug],
  }: { readonly databaseUrl?: string; readonly slugs?: readonly string[] },
  use: (home: Home) => Promise<T>,
): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-bench-data-'))
  const env = environment(databaseUrl, dataDir, slugs)
  const children: ChildProcess[] = []
  try {
    return await use({
      start: async (duties) => {
        const args = [...typescript, 'src/main.ts', duties]
        const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'pipe' })
        children.push(child)
        const url = await ready(child)
        return { duties, url, pid: child.pid ?? 0, stop: () => stop(child) }
      },
      token: () => ownerToken(env),
      programs: (named) => programsOf(env, named),
    })
  } finally {
    await Promise.all(children.map(stop))
    await rm(dataDir, { recursive: true, force: true })
  }
}

/**
 * Starts the service on a database, lends it to a function and stops it afterwards.
 *
 * @param duties - what each of its processes does, the one that answers requests first
 */
export async function withService<T>(
  databaseUrl: string,
  duties: readonly [Duties, ...Duties[]],
  use: (service: Service & { readonly program: Program }) => Promise<T>,
): Promise<T> {
  return withHome({ databaseUrl }, async (home) => {
    const processes: Started[] = []
    for (const each of duties) processes.push(await home.start(each))
    const [program] = await home.programs([organization.slug])
    const url = processes[0]?.url ?? ''
    return use({ url, token: await home.token(), program: program!, processes })
  })
}

/** Nothing of the caller's environment reaches the service but where programs are. */
function environment(
  databaseUrl: string | undefined,
  dataDir: string,
  slugs: readonly string[],
): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    NODE_ENV: 'production',
    PORT: '0',
    HOST: '127.0.0.1',
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    DATA_DIR: dataDir,
    ORGANIZATIONS: slugs.map((slug, index) => `${slug}:${organization.id + index}`).join(','),
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
    '--email',
    'owner@example.com',
  ]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env, timeout: START })
  return stdout.trim()
}

async function programsOf(env: NodeJS.ProcessEnv, slugs: readonly string[]): Promise<Program[]> {
  const administration = await administer(readConfig(env))
  try {
    const programs: Program[] = []
    for (const slug of slugs) programs.push(await programOf(administration.credentials, slug))
    return programs
  } finally {
    await administration.close()
  }
}

async function programOf(register: Parameters<typeof makeCredential>[0], slug: string): Promise<Program> {
  const made = await makeCredential(register, {
    organization: slug,
    kind: 'basic',
    role: 'organization_owner',
    contact: 'owner@example.com',
    expiresAt: new Date(Date.now() + 86_400_000),
  })
  if (made === undefined) throw new Error(`There is no organization ${slug}`)
  const { credential, secret } = made
  const authorization = `Basic ${Buffer.from(`${credential.id}:${secret}`).toString('base64')}`
  return { organizationId: credential.organizationId, authorization }
}

/** @returns the url of the line `listening` in the log, if there was one before `ready`; the log goes on being read */
async function ready(child: ChildProcess): Promise<string> {
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
    let url = ''
    lines.on('line', (line) => {
      if (line.includes('"listening"')) url = (JSON.parse(line) as { url: string }).url
      else if (line.includes('"ready"')) resolve(url)
    })
  })
  const url = await Promise.race([heard, ended])
  if (url === undefined) throw new Error(`The service did not start:\n${said}`)
  return url
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP)
  await exit
  clearTimeout(impatience)
}
