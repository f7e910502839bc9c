import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { persevere, type Time } from '../../src/db/persevere.ts'
import { RowMoved, unreachable } from '../../src/db/trouble.ts'

/** An error as the server sends it. */
const sent = (code: string): Error =>
  Object.assign(new Error(`of ${code}`), { code, severity: code.startsWith('57') ? 'FATAL' : 'ERROR' })

/** Time that passes only where somebody sleeps or says so. */
class TestTime implements Time {
  readonly pauses: number[] = []
  readonly #random: () => number
  #now = 1_000

  constructor(random: () => number = () => 0) {
    this.#random = random
  }

  now(): number {
    return this.#now
  }

  sleep(milliseconds: number): Promise<void> {
    this.pauses.push(milliseconds)
    this.pass(milliseconds)
    return Promise.resolve()
  }

  random(): number {
    return this.#random()
  }

  pass(milliseconds: number): void {
    this.#now += milliseconds
  }

  get slept(): number {
    return this.pauses.reduce((sum, pause) => sum + pause, 0)
  }
}

/** Fails with each of the errors in turn, and succeeds then. */
function failing(...errors: readonly unknown[]): {
  attempt: (number: number) => Promise<string>
  made: number[]
} {
  const made: number[] = []
  const attempt = (number: number): Promise<string> => {
    made.push(number)
    if (number > errors.length) return Promise.resolve('done')
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what is no Error is thrown too
    return Promise.reject(errors[number - 1])
  }
  return { attempt, made }
}

describe('persevering', () => {
  it.each(['23514', '42P01', '25P02', 'XX001'])('ends at once with the error of %s', async (code) => {
    const time = new TestTime()
    const { attempt, made } = failing(sent(code))
    await expect(persevere(attempt, { time })).rejects.toMatchObject({ code })
    expect([made, time.pauses]).toEqual([[1], []])
  })

  it('ends at once with what is no error of the database', async () => {
    for (const error of [new Error('a mistake'), 'a string', undefined]) {
      const { attempt, made } = failing(error)
      await expect(persevere(attempt, { time: new TestTime() })).rejects.toBe(error)
      expect(made).toEqual([1])
    }
  })

  it('tries again while there is trouble, with pauses that grow from 50 ms to 2 s', async () => {
    const time = new TestTime()
    const troubles = Array.from({ length: 9 }, (_, index) => (index % 2 ? sent('57P01') : unreachable('x')))
    const { attempt, made } = failing(...troubles)
    await expect(persevere(attempt, { time })).resolves.toBe('done')
    expect(made).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(time.pauses).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000])
  })

  it('shortens a pause at random by up to a half', async () => {
    const time = new TestTime(() => 0.5)
    await persevere(failing(sent('53300'), sent('53300')).attempt, { time })
    expect(time.pauses).toEqual([37.5, 75])
  })

  it('loses patience thirty seconds after the first failure, with an attempt just then', async () => {
    const time = new TestTime()
    const last = sent('57P03')
    const attempts: number[] = []
    const giving = persevere(
      () => {
        attempts.push(time.now() - 1_000)
        return Promise.reject(last)
      },
      { time },
    )
    await expect(giving).rejects.toMatchObject({ code: 'database.unreachable', cause: last })
    expect(attempts.at(-1)).toBe(30_000)
  })

  it('counts the time that a hanging attempt takes, but not that of the first', async () => {
    const time = new TestTime()
    let attempts = 0
    const hanging = (): Promise<never> => {
      attempts += 1
      time.pass(12_000)
      return Promise.reject(unreachable('hung'))
    }
    await expect(persevere(hanging, { time })).rejects.toMatchObject({ code: 'database.unreachable' })
    expect(attempts).toBe(4)
    expect(time.now() - 1_000).toBeLessThan(12_000 + 30_000 + 12_000)
  })

  it('tries again almost at once where another writer is in the way, eight times in all', async () => {
    const time = new TestTime(() => 0.999)
    const collisions = [...Array<Error>(7).fill(sent('40P01')), new RowMoved()]
    const { attempt, made } = failing(...collisions)
    await expect(persevere(attempt, { time })).rejects.toMatchObject({ code: 'database.unreachable' })
    expect(made).toHaveLength(8)
    expect(time.slept).toBeLessThan(300)
    const lucky = failing(...collisions.slice(1))
    await expect(persevere(lucky.attempt, { time })).resolves.toBe('done')
  })

  it('starts its patience afresh when a collision has shown that the database works', async () => {
    const time = new TestTime()
    const troubles: unknown[] = []
    const errors = [sent('57P01'), sent('23505'), sent('57P01')]
    const attempt = (number: number): Promise<string> => {
      time.pass(20_000)
      const error = errors[number - 1]
      return error === undefined ? Promise.resolve('done') : Promise.reject(error)
    }
    const onTrouble = (error: unknown): number => troubles.push(error)
    await expect(persevere(attempt, { time, onTrouble })).resolves.toBe('done')
    expect(troubles).toEqual([errors[0], errors[2]])
    expect(time.pauses[2]).toBe(50)
  })

  it('ends in spite of trouble and collisions in turn', async () => {
    const time = new TestTime()
    const attempt = (number: number): Promise<never> => Promise.reject(sent(number % 2 ? '57P01' : '40001'))
    await expect(persevere(attempt, { time })).rejects.toMatchObject({ code: 'database.unreachable' })
  })

  it('tells of trouble once, however long it lasts', async () => {
    const told: unknown[] = []
    const first = unreachable('first')
    const { attempt } = failing(first, unreachable('second'), unreachable('third'))
    await persevere(attempt, { time: new TestTime(), onTrouble: (error) => told.push(error) })
    expect(told).toEqual([first])
  })

  it('makes no attempt after the signal', async () => {
    const { attempt, made } = failing()
    const reason = new Error('the client has gone')
    await expect(persevere(attempt, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(made).toEqual([])
  })

  it('waits no longer when the signal is given', async () => {
    const leaving = new AbortController()
    const reason = new Error('the client has gone')
    const attempts: number[] = []
    const attempt = (number: number): Promise<never> => {
      attempts.push(number)
      setTimeout(() => {
        leaving.abort(reason)
      }, 1)
      return Promise.reject(unreachable('x'))
    }
    await expect(persevere(attempt, { signal: leaving.signal })).rejects.toBe(reason)
    expect(attempts).toEqual([1])
  })

  it('never starts an attempt after its patience, whatever goes wrong and however long it takes', async () => {
    const state = fc.constantFrom('57P01', '53300', 'XX000', '08006')
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ state, takes: fc.integer({ min: 0, max: 15_000 }) }), { minLength: 1 }),
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1 }),
        fc.integer({ min: 0, max: 60_000 }),
        async (failures, randoms, patience) => {
          let drawn = 0
          const time = new TestTime(() => randoms[(drawn += 1) % randoms.length] ?? 0)
          let firstFailure: number | undefined
          const starts: number[] = []
          const attempt = (number: number): Promise<never> => {
            starts.push(time.now())
            const failure = failures[number % failures.length]!
            time.pass(failure.takes)
            firstFailure ??= time.now()
            return Promise.reject(sent(failure.state))
          }
          await expect(persevere(attempt, { time, patience })).rejects.toMatchObject({ status: 503 })
          expect(Math.max(...starts)).toBeLessThanOrEqual(firstFailure! + patience + 1e-6)
          expect(Math.max(0, ...time.pauses)).toBeLessThanOrEqual(2_000)
          expect(time.now()).toBeGreaterThanOrEqual(firstFailure! + patience - 1e-6)
        },
      ),
    )
  })
})
