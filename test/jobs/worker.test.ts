import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { ServiceError } from '../../src/errors.ts'
import type { Job, JobStore } from '../../src/jobs/job.ts'
import { Worker } from '../../src/jobs/worker.ts'
import { RunningImports } from '../../src/receipts/running-imports.ts'

const never = (): never => {
  throw new RangeError('a worker has no business here')
}

/** Jobs in memory, and a worker that runs them until they are told to end. */
class Bench {
  readonly running = new RunningImports()
  readonly waiting: string[] = []
  readonly begun: string[] = []
  readonly ended: { readonly id: string; readonly reason: unknown }[] = []
  readonly failures: unknown[] = []
  reminders = 0
  claims = 0
  claiming: Promise<void> = Promise.resolve()
  trouble: Error | undefined
  readonly #ends = new Map<string, () => void>()

  readonly #jobs: JobStore = {
    submit: never,
    receiving: never,
    queue: never,
    claim: async () => {
      this.claims += 1
      const id = this.trouble === undefined ? this.waiting.shift() : undefined
      await this.claiming
      if (this.trouble !== undefined) throw this.trouble
      if (id === undefined) return undefined
      const signal = this.running.add(id)
      return { receipt: { id }, writer: { id, signal } } as unknown as Job
    },
    remind: () => {
      this.reminders += 1
      return this.trouble === undefined ? Promise.resolve() : Promise.reject(this.trouble)
    },
    overdue: () => Promise.resolve(undefined),
  }

  worker(slots: number): Worker {
    const run = async ({ receipt: { id }, writer: { signal } }: Job): Promise<void> => {
      this.begun.push(id)
      await new Promise<void>((resolve) => {
        this.#ends.set(id, resolve)
        signal.addEventListener('abort', () => {
          resolve()
        })
        if (signal.aborted) resolve()
      })
      this.running.remove(id)
      this.ended.push({ id, reason: signal.reason })
    }
    const onFailure = (error: unknown): void => void this.failures.push(error)
    return new Worker({ jobs: this.#jobs, running: this.running, run, slots, onFailure })
  }

  end(id: string): void {
    this.#ends.get(id)?.()
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let left = 1_000; !holds(); left -= 1) {
    if (left === 0) throw new Error('Waited in vain')
    await setTimeout(10)
  }
}

const unreachable = new ServiceError('database.unreachable', 'It is gone.')

describe('a worker', () => {
  it('runs as many jobs at once as it has slots, and the next as soon as one has ended', async () => {
    const bench = new Bench()
    bench.waiting.push('a', 'b', 'c')
    const worker = bench.worker(2)
    worker.start()
    await until(() => bench.begun.length === 2)
    await setTimeout(50)
    expect(bench.begun).toEqual(['a', 'b'])
    bench.end('a')
    await until(() => bench.begun.length === 3)
    expect(bench.waiting).toEqual([])
    await worker.stop()
  })

  it('begins a job at once when it is woken, and looks for jobs of other processes by itself', async () => {
    const bench = new Bench()
    const worker = bench.worker(4)
    worker.start()
    await until(() => bench.claims > 0)
    bench.waiting.push('a')
    worker.wake()
    await until(() => bench.begun.includes('a'))
    bench.waiting.push('b')
    await until(() => bench.begun.includes('b'))
    await until(() => bench.reminders > 0)
    await worker.stop()
  })

  it('goes on after jobs that could not be claimed, and says so', async () => {
    const bench = new Bench()
    bench.trouble = unreachable
    bench.waiting.push('a')
    const worker = bench.worker(1)
    worker.start()
    await until(() => bench.failures.length > 1)
    bench.trouble = undefined
    await until(() => bench.begun.length === 1)
    expect(bench.failures.every((failure) => failure === unreachable)).toBe(true)
    await worker.stop()
  })

  it('that is stopped gives back what runs, and begins nothing more', async () => {
    const bench = new Bench()
    bench.waiting.push('a', 'b')
    const worker = bench.worker(2)
    worker.start()
    await until(() => bench.begun.length === 2)
    bench.waiting.push('c')
    await worker.stop()
    expect(bench.ended.map(({ id }) => id)).toEqual(['a', 'b'])
    for (const { reason } of bench.ended) expect(reason).toMatchObject({ code: 'service.stopping' })
    worker.wake()
    await setTimeout(1_500)
    expect(bench.waiting).toEqual(['c'])
    expect(bench.running.ids).toEqual([])
  })

  it('that is stopped while it claims gives back what it got', async () => {
    const bench = new Bench()
    let claimed: () => void = never
    bench.claiming = new Promise((resolve) => (claimed = resolve))
    bench.waiting.push('a', 'b', 'c')
    const worker = bench.worker(2)
    worker.start()
    await until(() => bench.claims === 2)
    const stopped = worker.stop()
    await setTimeout(50)
    claimed()
    await stopped
    expect(bench.ended.map(({ id }) => id)).toEqual(['a', 'b'])
    for (const { reason } of bench.ended) expect(reason).toMatchObject({ code: 'service.stopping' })
    expect(bench.waiting).toEqual(['c'])
    expect(bench.running.ids).toEqual([])
  })

  it('may be stopped twice, and before it has begun', async () => {
    const bench = new Bench()
    const worker = bench.worker(1)
    await worker.stop()
    await worker.stop()
    const other = bench.worker(1)
    other.start()
    await Promise.all([other.stop(), other.stop()])
    expect(bench.begun).toEqual([])
  })
})
