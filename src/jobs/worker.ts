import { setTimeout } from 'node:timers/promises'
import type { RunningImports } from '../receipts/running-imports.ts'
import { stopping } from '../receipts/running-imports.ts'
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
  readonly #jobs = new Map<string, Promise<void>>()
  #stopped = new AbortController()
  #wake: () => void = () => undefined
  #working: Promise<void> = Promise.resolve()
  #reminding: NodeJS.Timeout | undefined
  #isReminding = false

  constructor(parts: WorkerParts) {
    this.#parts = parts
  }

  /** Begins to work, until {@link stop}. */
  start(): void {
    this.#working = this.#work()
    this.#reminding = setInterval(() => void this.#remind(), REMIND_MILLISECONDS)
  }

  /** There may be a job: looks for it at once. */
  wake(): void {
    this.#wake()
  }

  /** Takes no more jobs and gives back those that run after their batches. Resolves when none runs any more. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    clearInterval(this.#reminding)
    this.#wake()
    for (const id of this.#jobs.keys()) this.#parts.running.stop(id, stopping())
    await this.#working
    for (const id of this.#jobs.keys()) this.#parts.running.stop(id, stopping())
    await Promise.all(this.#jobs.values())
  }

  async #work(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const job = this.#jobs.size < this.#parts.slots ? await this.#claim() : undefined
      if (job === undefined) await this.#change()
      else this.#begin(job)
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

  #begin(job: Job): void {
    const { id } = job.receipt
    const done = this.#parts.run(job).finally(() => {
      this.#jobs.delete(id)
      this.#wake()
    })
    this.#jobs.set(id, done)
  }

  async #remind(): Promise<void> {
    if (this.#isReminding) return
    this.#isReminding = true
    try {
      await this.#parts.jobs.remind()
    } catch (error) {
      this.#parts.onFailure(error)
    } finally {
      this.#isReminding = false
    }
  }

  /** Resolves when there may be something to do. */
  async #change(): Promise<void> {
    const { signal } = this.#stopped
    const woken = new Promise<void>((resolve) => (this.#wake = resolve))
    const timer = new AbortController()
    const polled = setTimeout(POLL_MILLISECONDS, undefined, { signal: timer.signal }).catch(() => undefined)
    if (!signal.aborted) await Promise.race([woken, polled])
    timer.abort()
  }
}
