import { execFile } from 'node:child_process'
import { appendFile, chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'

const execute = promisify(execFile)

const INSTALLED = '/usr/lib/postgresql'
const SECONDS = 1_000
// Another process may take the free port before PostgreSQL does.
const ATTEMPTS = 3

/** A PostgreSQL server of one's own with the durability of production: `fsync` and `synchronous_commit` on. */
export interface PostgresServer {
  /** Its superuser's connection to the database `postgres`, without a password. Only loopback gets in. */
  readonly url: string
  /** The folder of `psql` and the other programs of the server's version. */
  readonly programs: string
  /** Ends all of its processes at once, as a crash would, and starts it again on the same port. */
  crash(): Promise<void>
  /** Stops all of its processes where they are, without closing a connection; what it returns lets them go on. */
  freeze(): Promise<() => void>
  /** Stops the server at once, whoever is connected, and removes its folder. Calling it again does nothing. */
  stop(): Promise<void>
}

/** Runs one of PostgreSQL's programs as whoever owns the server. */
type Run = (program: string, ...args: readonly string[]) => Promise<string>

/**
 * Starts an empty PostgreSQL server in a temporary folder, on a free port of 127.0.0.1, and waits until it answers.
 *
 * @throws Error If no server is installed, or it does not start
 */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = await newestPrograms()
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-postgres-'))
  try {
    const run = await runner(programs, folder)
    await run(
      'initdb',
      '-D',
      dataOf(folder),
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
      '-N',
    )
    const port = await startOnFreePort(run, folder)
    let stopped: Promise<void> | undefined
    return {
      url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
      programs,
      crash: async () => {
        await run('pg_ctl', '-D', dataOf(folder), '-l', logOf(folder), '-w', '-m', 'immediate', 'restart')
      },
      freeze: () => freeze(folder),
      stop: () => (stopped ??= stopAndRemove(run, folder)),
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** Lends a server to a function and stops it afterwards. */
export async function withPostgres<T>(use: (server: PostgresServer) => Promise<T>): Promise<T> {
  const server = await startPostgres()
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

const dataOf = (folder: string): string => join(folder, 'data')
const logOf = (folder: string): string => join(folder, 'log')

async function freeze(folder: string): Promise<() => void> {
  const [first = ''] = (await readFile(join(dataOf(folder), 'postmaster.pid'), 'utf8')).split('\n')
  const postmaster = Number(first)
  // It starts no other process once it is stopped itself.
  process.kill(postmaster, 'SIGSTOP')
  const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8')
  const processes = [postmaster, ...(children.match(/\d+/g) ?? []).map(Number)]
  const signal = (name: NodeJS.Signals): void => {
    for (const one of processes) process.kill(one, name)
  }
  signal('SIGSTOP')
  return () => {
    signal('SIGCONT')
  }
}

/**
 * The folder of the programs of the newest server that is installed. Debian keeps each version in a folder of its
 * own, and clients may be there without the server.
 *
 * @throws Error If there is none
 */
export async function newestPrograms(): Promise<string> {
  const versions = await readdir(INSTALLED).catch((): string[] => [])
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const programs = join(INSTALLED, version, 'bin')
    if ((await readdir(programs).catch((): string[] => [])).includes('initdb')) return programs
  }
  throw new Error(`There is no PostgreSQL server in ${INSTALLED}: install the package postgresql`)
}

/** PostgreSQL refuses to run as root, so root gives the folder to the user `postgres` and runs it as him. */
async function runner(programs: string, folder: string): Promise<Run> {
  const isRoot = process.getuid?.() === 0
  if (isRoot) await chown(folder, await numberOf('-u'), await numberOf('-g'))
  const before = isRoot ? ['runuser', '-u', 'postgres', '--'] : []
  return async (program, ...args) => {
    const [command = '', ...rest] = [...before, join(programs, program), ...args]
    const { stdout } = await execute(command, rest, { cwd: folder, timeout: 90 * SECONDS })
    return stdout
  }
}

async function numberOf(option: '-u' | '-g'): Promise<number> {
  return Number((await execute('id', [option, 'postgres'])).stdout)
}

async function startOnFreePort(run: Run, folder: string): Promise<number> {
  const log = logOf(folder)
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort()
    await appendFile(join(dataOf(folder), 'postgresql.conf'), settings(port, folder))
    try {
      await run('pg_ctl', '-D', dataOf(folder), '-l', log, '-w', '-t', '60', 'start')
      return port
    } catch (error) {
      if (attempt < ATTEMPTS) continue
      throw new Error(`PostgreSQL did not start:\n${await readFile(log, 'utf8')}`, { cause: error })
    }
  }
}

/** The last of several equal settings counts. */
function settings(port: number, folder: string): string {
  return `
port = ${port}
listen_addresses = '127.0.0.1'
unix_socket_directories = '${folder.replaceAll("'", "''")}'
`
}

async function stopAndRemove(run: Run, folder: string): Promise<void> {
  try {
    await run('pg_ctl', '-D', dataOf(folder), '-w', '-t', '30', '-m', 'fast', 'stop')
  } catch {
    // Its checkpoint may take longer than that; nothing of it is wanted any more. If it is gone, this fails too.
    await run('pg_ctl', '-D', dataOf(folder), '-w', '-t', '30', '-m', 'immediate', 'stop').catch(() => '')
  }
  await rm(folder, { recursive: true, force: true })
}
