import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** A process as Linux shows it; elsewhere nothing of it is seen. */
export interface Traces {
  readonly pid: number
  /** The folder that the process takes for temporary files. */
  readonly temporary: string
  readonly port: number
}

/** The most memory that the process has had at once, in MB; `undefined` where that can't be told. */
export async function peakMemory(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1_024)
}

/** Temporary files and connections of callers that the process still has. */
export async function openThings({ pid, temporary, port }: Traces): Promise<readonly string[]> {
  return [
    ...(await temporaryFiles(temporary)),
    ...(await openFiles(pid, temporary)),
    ...(await connections(port)),
  ]
}

/** What the runner of TypeScript keeps there is not the service's. */
async function temporaryFiles(temporary: string): Promise<string[]> {
  const names = await readdir(temporary).catch((): string[] => [])
  return names.filter((name) => !/^(?:tsx-|node-compile-cache)/.test(name)).map((name) => `the file ${name}`)
}

async function openFiles(pid: number, temporary: string): Promise<string[]> {
  const folder = `/proc/${pid}/fd`
  const numbers = await readdir(folder).catch((): string[] => [])
  const links = await Promise.all(numbers.map((number) => readlink(join(folder, number)).catch(() => '')))
  return links
    .filter((link) => link.startsWith(temporary) && !link.includes('/tsx-'))
    .map((link) => `the open file ${link}`)
}

const ESTABLISHED = '01'
const CLOSE_WAIT = '08'

async function connections(port: number): Promise<string[]> {
  const table = await readFile('/proc/net/tcp', 'utf8').catch(() => '')
  const own = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local, , state]) =>
        local?.endsWith(own) === true && [ESTABLISHED, CLOSE_WAIT].includes(state ?? ''),
    )
    .map(([, , remote = '']) => `a connection of a caller at ${remote}`)
}
