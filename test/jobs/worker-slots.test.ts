import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type { Job, JobStore } from '../../src/jobs/job.ts'
import { Worker } from '../../src/jobs/worker.ts'
import { RunningImports } from '../../src/receipts/running-imports.ts'

/** A worker whose claims are answered by hand. Its clock stands still: nothing happens but what is done to it. */
function workerOf(slots: number) {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
  const claims: ((job: Job | undefined) => void)[] = []
  const jobs = {
    claim: () => new Promise<Job | undefined>((resolve) => claims.push(resolve)),
    remind: () => Promise.resolve(),
    overdue: () => Promise.resolve('long'),
  } as unknown as JobStore
  const ends: (() => void)[] = []
  const run = () => new Promise<void>((resolve) => ends.push(resolve))
  const parts = { jobs, running: new RunningImports(), run, slots, onFailure: () => undefined }
  return { worker: new Worker(parts), claims, ends, running: parts.running }
}

const jobOf = (id: string): Job => ({ receipt: { id } }) as Job
const settled = () => new Promise((resolve) => setImmediate(resolve))

afterEach(() => {
  jest.useRealTimers()
})

describe('the slots of a worker', () => {
  it('looks again at once when it is called while it looks', async () => {
    const { worker, claims } = workerOf(1)
    worker.start()
    expect(claims).toHaveLength(1)
    worker.wake()
    claims[0]?.(undefined)
    await settled()
    expect(claims).toHaveLength(2)
  })

  it('sleep where there is nothing, until it is called', async () => {
    const { worker, claims } = workerOf(1)
    worker.start()
    claims[0]?.(undefined)
    await settled()
    expect(claims).toHaveLength(1)
    worker.wake()
    await settled()
    expect(claims).toHaveLength(2)
  })

  it('claims with each free slot, none waiting for the claim of another', async () => {
    const { worker, claims, ends } = workerOf(3)
    worker.start()
    expect(claims).toHaveLength(3)
    claims[1]?.(jobOf('one'))
    await settled()
    expect(ends).toHaveLength(1)
    // A slot that runs a job claims no other.
    claims[0]?.(undefined)
    claims[2]?.(undefined)
    await settled()
    expect(claims).toHaveLength(5)
    ends[0]?.()
    await settled()
    expect(claims).toHaveLength(6)
  })

  it('are freed of what has had its turn only where none is free', async () => {
    const { worker, claims, running } = workerOf(2)
    const long = running.add('long')
    worker.start()
    claims[0]?.(jobOf('long'))
    await jest.advanceTimersByTimeAsync(10_000)
    expect(long.aborted).toBe(false)
    claims[1]?.(jobOf('other'))
    await jest.advanceTimersByTimeAsync(3_000)
    expect(long.reason).toMatchObject({ code: 'turn.over' })
  })

  it('stops when what it runs has ended, and takes nothing more', async () => {
    const { worker, claims, ends } = workerOf(2)
    worker.start()
    claims[0]?.(jobOf('one'))
    await settled()
    let hasStopped = false
    const stopping = worker.stop().then(() => (hasStopped = true))
    // Claimed in the last moment: it runs until it is given back.
    claims[1]?.(jobOf('two'))
    await settled()
    expect(ends).toHaveLength(2)
    ends[0]?.()
    await settled()
    expect(hasStopped).toBe(false)
    ends[1]?.()
    await stopping
    expect(claims).toHaveLength(2)
  })
})
