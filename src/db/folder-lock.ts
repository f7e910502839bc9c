import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RefusedStart } from '../errors.ts'

/** Another process has the folder open. The message says which. */
export class FolderInUse extends RefusedStart {
  override readonly name = 'FolderInUse'
}

/**
 * What tells a process from a later one of the same number (in a container every start is number 1): its
 * start time in clock ticks, where the system tells it.
 */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? ''
  } catch {
    return ''
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function isHeld(holder: string): boolean {
  const [pid, start] = holder.split(' ')
  return isRunning(Number(pid)) && startOf(Number(pid)) === start
}

/**
 * Makes a file that nobody has made yet; whether it did. It appears with all its content: an empty lock would
 * look like one whose holder has died.
 */
function made(file: string, content: string): boolean {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, content, { mode: 0o600 })
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    rmSync(draft, { force: true })
  }
}

/** What a file holds, or `undefined` where somebody has removed it. */
function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return undefined
  }
}

/**
 * Takes a folder for this process alone. Two processes in one embedded database would lose each other's
 * writes, and it has no lock of its own.
 *
 * @returns a function that lets go of the folder
 * @throws FolderInUse If a running process has it
 */
export function lockFolder(folder: string): () => void {
  const lock = join(folder, 'rollcall.lock')
  const me = `${process.pid} ${startOf(process.pid)}`
  while (!made(lock, me)) {
    const holder = contentOf(lock)
    if (holder !== undefined && isHeld(holder)) throw inUse(folder, holder)
    removeStale(lock, me, folder)
  }
  return () => {
    rmSync(lock, { force: true })
  }
}

/**
 * Removes the lock of a process that has died. Only one process at a time may, and it looks again before it
 * does: else it could remove the lock that another has just taken in the place of the stale one.
 */
function removeStale(lock: string, me: string, folder: string): void {
  const broom = `${lock}.broom`
  if (!made(broom, me)) {
    const sweeper = contentOf(broom)
    if (sweeper === undefined) return
    if (isHeld(sweeper)) throw inUse(folder, sweeper)
    rmSync(broom, { force: true })
    return
  }
  const holder = contentOf(lock)
  if (holder !== undefined && !isHeld(holder)) rmSync(lock, { force: true })
  rmSync(broom, { force: true })
}

function inUse(folder: string, holder: string): FolderInUse {
  const pid = holder.split(' ')[0] ?? '?'
  return new FolderInUse(
    `The embedded database in ${folder} is in use by process ${pid}: stop that process, or set DATA_DIR to another folder or DATABASE_URL to a PostgreSQL server.`,
  )
}
