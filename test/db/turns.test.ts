import { setImmediate, setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { unreachable } from '../../src/db/trouble.ts'
import { Turns } from '../../src/db/turns.ts'

/** Something that lasts until it is told to end. */
function held() {
  let release: () => void = () => undefined
  const until = new Promise<void>((resolve) => (release = resolve))
  return { until, release }
}

describe('the imports of one organization', () => {
  afterEach(() => {
    jest.restoreAllMocks()
  })

  it('take their turns in the order in which they asked, one at a time', async () => {
    const turns = new Turns()
    const seen: string[] = []
    const work = (number: number) => async () => {
      seen.push(`${number} begins`)
      await setTimeout(5 - number)
      seen.push(`${number} ends`)
      return number
    }
    const results = await Promise.all([0, 1, 2, 3, 4].map((number) => turns.take(1, work(number))))
    expect(results).toEqual([0, 1, 2, 3, 4])
    expect(seen).toEqual([0, 1, 2, 3, 4].flatMap((number) => [`${number} begins`, `${number} ends`]))
  })

  it('go on after one that failed, and only its own caller is told', async () => {
    const turns = new Turns()
    const failure = new Error('lost')
    const settled = await Promise.allSettled([
      turns.take(1, () => Promise.reject(failure)),
      turns.take(1, () => Promise.resolve('second')),
      turns.take(1, () => {
        throw failure
      }),
      turns.take(1, () => Promise.resolve('fourth')),
    ])
    expect(settled).toEqual([
      { status: 'rejected', reason: failure },
      { status: 'fulfilled', value: 'second' },
      { status: 'rejected', reason: failure },
      { status: 'fulfilled', value: 'fourth' },
    ])
  })

  it('do not wait for those of another', async () => {
    const turns = new Turns()
    const { until, release } = held()
    const seen: string[] = []
    const first = turns.take(1, () => until)
    const next = turns.take(1, () => Promise.resolve(seen.push('next of 1')))
    await turns.take(2, () => Promise.resolve(seen.push('first of 2')))
    await setImmediate()
    expect(seen).toEqual(['first of 2'])
    release()
    await Promise.all([first, next])
    expect(seen).toEqual(['first of 2', 'next of 1'])
  })

  it('that ask once all have ended need not wait', async () => {
    const turns = new Turns()
    await turns.take(1, () => Promise.resolve())
    const { until, release } = held()
    const begun = jest.fn(() => until)
    const turn = turns.take(1, begun)
    await setImmediate()
    expect(begun).toHaveBeenCalledTimes(1)
    release()
    await turn
  })

  it('are forgotten when the last has ended, well or not', async () => {
    const set = jest.spyOn(Map.prototype, 'set')
    const turns = new Turns()
    const { until, release } = held()
    const ids = [4_711, 4_712, 4_713]
    const all = ids.flatMap((id) => [
      turns.take(id, () => until),
      turns.take(id, () => Promise.reject(new Error('lost'))).catch(() => undefined),
      turns
        .take(id, () => (id === 4_713 ? Promise.reject(new Error('lost')) : Promise.resolve()))
        .catch(() => undefined),
    ])
    const places = new Set(
      set.mock.contexts.filter((_, index) => ids.includes(set.mock.calls[index]![0] as number)),
    )
    expect(places.size).toBe(1)
    const [place] = places as Set<Map<number, unknown>>
    expect([...place!.keys()]).toEqual(ids)
    release()
    await Promise.all(all)
    expect(place!.size).toBe(0)
  })

  it('are told how long they waited behind one who gave up on the database, and no other', async () => {
    const turns = new Turns()
    const after = (work: () => Promise<unknown>) => {
      void turns.take(1, work).catch(() => undefined)
      return turns.take(1, (spent) => Promise.resolve(spent))
    }
    let time = 1_000
    jest.spyOn(performance, 'now').mockImplementation(() => time)
    const waited = async (error?: Error): Promise<void> => {
      await setImmediate()
      time += 50
      if (error !== undefined) throw error
    }
    expect(await after(() => waited())).toBe(0)
    expect(await after(() => waited(new RangeError('x')))).toBe(0)
    expect(await after(() => waited(unreachable('x') as Error))).toBe(50)
  })
  it('that last long are five at once, of whatever organization, and keep no others waiting', async () => {
    const turns = new Turns()
    const lasting = [1, 2, 3, 4, 5, 6, 7].map((id) => ({ id, ...held() }))
    const begun: number[] = []
    const all = lasting.map(({ id, until }) =>
      turns
        .takeLong(id, async () => {
          begun.push(id)
          await until
          if (id === 1) throw new Error('lost')
        })
        .catch(() => undefined),
    )
    await turns.take(8, () => setImmediate())
    expect(begun).toEqual([1, 2, 3, 4, 5])
    lasting[0]!.release()
    await all[0]
    await setImmediate()
    expect(begun).toEqual([1, 2, 3, 4, 5, 6])
    for (const { release } of lasting) release()
    await Promise.all(all)
    expect(begun).toEqual([1, 2, 3, 4, 5, 6, 7])
    await Promise.all([1, 2, 3, 4, 5].map((id) => turns.takeLong(id, () => Promise.resolve(begun.push(id)))))
    expect(begun).toHaveLength(12)
  })
})
