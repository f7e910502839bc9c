import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Another process has the folder open. The message says which. */
export class FolderInUse extends Error {
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

const isTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EEXIST'

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
  for (;;) {
    try {
      writeFileSync(lock, me, { flag: 'wx', mode: 0o600 })
      return () => {
        rmSync(lock, { force: true })
      }
    } catch (error) {
      if (!isTaken(error)) throw error
      removeStale(lock, folder)
    }
  }
}

/** Removes the lock of a process that has died. Moved away first, so that nobody's new lock is removed. */
function removeStale(lock: string, folder: string): void {
  const holder = readFileSync(lock, 'utf8')
  if (isHeld(holder)) throw inUse(folder, holder)
  const aside = `${lock}.${process.pid}`
  renameSync(lock, aside)
  const moved = readFileSync(aside, 'utf8')
  if (moved !== holder) linkSync(aside, lock)
  rmSync(aside)
  if (moved !== holder) throw inUse(folder, moved)
}

function inUse(folder: string, holder: string): FolderInUse {
  const pid = holder.split(' ')[0] ?? '?'
  return new FolderInUse(
    `The embedded database in ${folder} is in use by process ${pid}: stop that process, or set DATA_DIR to another folder or DATABASE_URL to a PostgreSQL server.`,
  )
}
