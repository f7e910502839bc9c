import type { RunningImports } from '../receipts/running-imports.ts'
import { stopping, turnOver } from '../receipts/running-imports.ts'
import type { Job, JobStore } from './job.ts'

/** What a worker needs. */
export interface WorkerParts {
  readonly jobs: JobStore
  readonly running: RunningImports
  /** Runs a job until its receipt's last word. It never rejects. */
  readonly run: (job: Job) => Promise<void>
  /** How many jobs to run at once, each of another organization. */
  readonly slots: number
  /** Hears of jobs that could not be claimed; it is tried again. */
  readonly onFailure: (error: unknown) => void
}

// How soon a job is begun that another process took in.
const POLL_MILLISECONDS = 1_000
// How soon an organization gets its turn whose entry in the line was lost, or whose job waits for another attempt.
const REMIND_MILLISECONDS = 3_000

/** Runs the jobs of all organizations, each organization's one after the other. */
export class Worker {
  readonly #parts: WorkerParts
  readonly #running = new Set<string>()
  #isStopped = false
  /** Ends the sleep of each slot that has found nothing to do. */
  #sleepers: (() => void)[] = []
  /** How often it was said that there may be a job. */
  #calls = 0
  #isReminding = false
  #slots: Promise<unknown> = Promise.resolve()
  #timers: NodeJS.Timeout[] = []

  constructor(parts: WorkerParts) {
    this.#parts = parts
  }

  /** Begins to work, until {@link stop}. */
  start(): void {
    this.#slots = Promise.all(Array.from({ length: this.#parts.slots }, () => this.#work()))
    this.#timers = [
      setInterval(() => {
        this.wake()
      }, POLL_MILLISECONDS),
      setInterval(() => void this.#remind(), REMIND_MILLISECONDS),
    ]
  }

  /** There may be a job: looks for it at once, or as soon as a slot is free. */
  wake(): void {
    this.#calls += 1
    this.#sleepers.shift()?.()
  }

  /** Takes no more jobs and gives back those that run after their batches. Resolves when none runs any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const timer of this.#timers) clearInterval(timer)
    for (const sleeper of this.#sleepers.splice(0)) sleeper()
    for (const id of this.#running) this.#parts.running.stop(id, stopping())
    await this.#slots
  }

  /** What a slot does: each claims its own jobs, so none waits while another claims. */
  async #work(): Promise<void> {
    while (!this.#isStopped) {
      const calls = this.#calls
      const job = await this.#claim()
      if (job !== undefined) await this.#run(job)
      // Who was called while he looked may have looked too early.
      else if (calls === this.#calls) await this.#sleep()
    }
  }

  async #claim(): Promise<Job | undefined> {
    try {
      return await this.#parts.jobs.claim()
    } catch (error) {
      this.#parts.onFailure(error)
      return undefined
    }
  }

  async #run(job: Job): Promise<void> {
    const { id } = job.receipt
    this.#running.add(id)
    if (this.#isStopped) this.#parts.running.stop(id, stopping())
    // Where there was one there may be more.
    else this.wake()
    await this.#parts.run(job)
    this.#running.delete(id)
  }

  async #remind(): Promise<void> {
    if (this.#isReminding) return
    this.#isReminding = true
    try {
      await this.#parts.jobs.remind()
      if (this.#running.size === this.#parts.slots) await this.#makeRoom()
    } catch (error) {
      this.#parts.onFailure(error)
    } finally {
      this.#isReminding = false
    }
  }

  /** Where another organization waits with little to do, a job that has run for long goes on later. */
  async #makeRoom(): Promise<void> {
    const id = await this.#parts.jobs.overdue()
    if (id !== undefined) this.#parts.running.stop(id, turnOver())
  }

  async #sleep(): Promise<void> {
    if (!this.#isStopped) await new Promise<void>((resolve) => this.#sleepers.push(resolve))
  }
}
