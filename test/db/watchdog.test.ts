import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { Watchdog } from '../../src/db/watchdog.ts'

/** A promise that is settled from outside. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined
  let reject: (reason: Error) => void = () => undefined
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle))
  return { promise, resolve, reject }
}

/** A connection on which a statement hangs until it is answered or severed. */
class TestConnection {
  received = 0
  severed: Error | undefined
  readonly #statement = deferred<string>()

  run = (): Promise<string> => this.#statement.promise

  answer(): void {
    this.#statement.resolve('answer')
  }

  sever(reason: Error): void {
    this.severed = reason
    this.#statement.reject(reason)
  }
}

const seconds = (count: number): Promise<void> => jest.advanceTimersByTimeAsync(count * 1_000)

describe('the watchdog', () => {
  let asked: (readonly TestConnection[])[]
  let answer: (silent: readonly TestConnection[]) => Promise<(connection: TestConnection) => boolean>
  let watchdog: Watchdog<TestConnection>
  let connection: TestConnection
  let failures: unknown[]

  const watch = (one: TestConnection): Promise<string> => {
    watchdog.trust(one)
    const statement = watchdog.watch(one, one.run)
    statement.catch((error: unknown) => failures.push(error))
    return statement
  }
  const stalled = () => Promise.reject(new Error('timeout expired'))
  const answering = (isWorkedOn: boolean) => () => Promise.resolve(() => isWorkedOn)

  beforeEach(() => {
    jest.useFakeTimers()
    asked = []
    failures = []
    connection = new TestConnection()
    watchdog = new Watchdog({
      ask: (silent) => {
        asked.push(silent)
        return answer(silent)
      },
      received: (one) => one.received,
      sever: (one, reason) => {
        one.sever(reason)
      },
    })
  })
  afterEach(() => {
    jest.useRealTimers()
  })

  it('severs a connection of a database that answers nobody', async () => {
    answer = stalled
    void watch(connection).catch(() => undefined)
    await seconds(4)
    expect(asked).toEqual([])
    await seconds(3)
    expect(connection.severed?.message).toMatch(/stalled/)
    expect(failures).toEqual([connection.severed])
    expect((connection.severed?.cause as Error).message).toBe('timeout expired')
  })

  it('severs a connection on which nobody works, when it was told so twice', async () => {
    answer = answering(false)
    void watch(connection).catch(() => undefined)
    await seconds(7)
    expect([asked.length, connection.severed]).toEqual([1, undefined])
    await seconds(5)
    expect(connection.severed?.message).toMatch(/dead/)
  })

  it('lets a statement wait for ever on which the database works, and goes on asking', async () => {
    answer = answering(true)
    const statement = watch(connection)
    await seconds(600)
    expect(connection.severed).toBeUndefined()
    expect(asked.length).toBeGreaterThan(90)
    connection.answer()
    await expect(statement).resolves.toBe('answer')
  })

  it('takes once for no time: the statement, or its answer, may have been under way', async () => {
    let known = false
    answer = () => Promise.resolve(() => (known = !known))
    void watch(connection).catch(() => undefined)
    await seconds(120)
    expect(connection.severed).toBeUndefined()
  })

  it('takes anything that comes for a sign of life', async () => {
    answer = stalled
    void watch(connection).catch(() => undefined)
    for (let second = 0; second < 60; second += 1) {
      connection.received += 1
      await seconds(1)
    }
    expect([asked, connection.severed]).toEqual([[], undefined])
  })

  it('asks one question at a time, about all that are silent', async () => {
    const question = deferred<() => boolean>()
    answer = () => question.promise
    const others = [new TestConnection(), new TestConnection()]
    for (const one of [connection, ...others]) void watch(one).catch(() => undefined)
    await seconds(30)
    expect(asked).toEqual([[connection, ...others]])
    question.resolve(() => true)
    await seconds(7)
    expect(asked).toHaveLength(2)
  })

  it('severs nobody whose answer came while it asked, even if he is at another statement', async () => {
    const question = deferred<never>()
    answer = () => question.promise
    const statement = watch(connection)
    await seconds(7)
    connection.answer()
    await statement
    const next = deferred<string>()
    const second = watchdog.watch(connection, () => next.promise)
    question.reject(new Error('timeout expired'))
    await seconds(1)
    expect(connection.severed).toBeUndefined()
    next.resolve('second')
    await expect(second).resolves.toBe('second')
  })

  it('finds a connection fit that was opened, is not in use, and not older than the last stall', async () => {
    expect(watchdog.isFit(connection)).toBe(false)
    const statement = watch(connection)
    expect(watchdog.isFit(connection)).toBe(false)
    connection.answer()
    await statement
    expect(watchdog.isFit(connection)).toBe(true)
    answer = stalled
    void watch(new TestConnection()).catch(() => undefined)
    await seconds(7)
    expect(watchdog.isFit(connection)).toBe(false)
    const later = new TestConnection()
    watchdog.trust(later)
    expect(watchdog.isFit(later)).toBe(true)
  })

  it('rests when nothing is under way', async () => {
    const statement = watch(connection)
    expect(jest.getTimerCount()).toBe(1)
    connection.answer()
    await statement
    expect(jest.getTimerCount()).toBe(0)
    const failing = watchdog.watch(connection, () => Promise.reject(new Error('42601')))
    await expect(failing).rejects.toThrow('42601')
    expect(jest.getTimerCount()).toBe(0)
  })
})
