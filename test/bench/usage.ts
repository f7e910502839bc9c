import { readFile, writeFile } from 'node:fs/promises'

/** What a process took of the machine. */
export interface Usage {
  /** The most memory that was resident at once since the peak was forgotten. */
  readonly peakMegabytes: number
  /** Of all its threads, in user and in kernel mode. */
  readonly cpuSeconds: number
}

// USER_HZ, which Linux has had at 100 on every architecture of Node's
const TICKS_PER_SECOND = 100

/** Reads what Linux knows of a process (proc(5)). */
export async function usageOf(pid: number): Promise<Usage> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name of the program is in parentheses and may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, kernel] = [Number(fields[11]), Number(fields[12])]
  return {
    peakMegabytes: Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024,
    cpuSeconds: (user + kernel) / TICKS_PER_SECOND,
  }
}

/** Makes the memory that is resident now the peak. */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5')
}
