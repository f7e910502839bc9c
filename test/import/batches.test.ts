import { describe, expect, it } from '@jest/globals'
import { setImmediate } from 'node:timers/promises'
import { inBatches } from '../../src/import/batches.ts'
import { inTime, until } from '../support/until.ts'

async function* blocksOf<T>(...blocks: readonly (readonly T[])[]): AsyncGenerator<readonly T[]> {
  await Promise.resolve()
  yield* blocks
}

const numbers = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, index) => from + index)

async function collected<T>(batches: AsyncIterable<readonly T[]>): Promise<(readonly T[])[]> {
  const all: (readonly T[])[] = []
  for await (const batch of batches) all.push(batch)
  return all
}

const sizes = { first: 2, largest: 10, patience: 60_000 }

describe('inBatches', () => {
  it('gives what came before a failure, and then fails', async () => {
    async function* failing() {
      yield* blocksOf([1, 2], [3])
      throw new RangeError('the line is cut')
    }
    const got: number[] = []
    const work = (async () => {
      for await (const batch of inBatches(failing(), sizes)) got.push(...batch)
    })()
    await expect(work).rejects.toThrow(new RangeError('the line is cut'))
    expect(got).toEqual([1, 2, 3])
  })

  it('fails where nothing came before the failure', async () => {
    // eslint-disable-next-line @typescript-eslint/require-await
    async function* failing(): AsyncGenerator<readonly number[]> {
      throw new RangeError('no line')
    }
    await expect(collected(inBatches(failing(), sizes))).rejects.toThrow(new RangeError('no line'))
  })

  it('lets go of the source when its reader stops', async () => {
    let closed = false
    let produced = 0
    async function* endless() {
      try {
        for (;;) {
          produced += 1
          await Promise.resolve()
          yield [produced]
        }
      } finally {
        closed = true
      }
    }
    for await (const batch of inBatches(endless(), sizes)) if (batch.length > 0) break
    await until(() => closed)
    expect(closed).toBe(true)
    expect(produced).toBeLessThan(30)
  })

  it('reads no further ahead than the largest batch and a block', async () => {
    let produced = 0
    async function* endless() {
      for (;;) {
        produced += 1
        await Promise.resolve()
        yield [produced]
      }
    }
    const batches = inBatches(endless(), sizes)
    await batches.next()
    // It waits for nothing but promises: whatever it produces is produced before a timer or the system has a say.
    await setImmediate()
    expect(produced).toBeLessThanOrEqual(sizes.first + sizes.largest + 2)
    await batches.return(undefined)
  })

  it('gives nothing of nothing', async () => {
    expect(await collected(inBatches(blocksOf<number>(), sizes))).toEqual([])
    expect(await collected(inBatches(blocksOf<number>([], []), sizes))).toEqual([])
  })

  it('begins small and grows fourfold up to the largest', async () => {
    const batches = await collected(inBatches(blocksOf(numbers(40)), sizes))
    expect(batches.map(({ length }) => length)).toEqual([2, 8, 10, 10, 10])
    expect(batches.flat()).toEqual(numbers(40))
  })

  it('never exceeds the largest, even at first', async () => {
    const batches = await collected(inBatches(blocksOf(numbers(7)), { ...sizes, first: 50, largest: 3 }))
    expect(batches.map(({ length }) => length)).toEqual([3, 3, 1])
  })

  it.each([1, 3, 7, 100])('gives everything once and in order, whatever the blocks: %i', async (size) => {
    const all = numbers(100)
    const blocks = all
      .filter((each) => each % size === 0)
      .map((from) => numbers(Math.min(size, 100 - from), from))
    expect((await collected(inBatches(blocksOf(...blocks), sizes))).flat()).toEqual(all)
  })

  it('gives what has waited long enough in a batch that is not full', async () => {
    let goOn: () => void = () => undefined
    const more = new Promise<void>((resolve) => (goOn = resolve))
    async function* slow() {
      yield [1]
      await more
      yield [2, 3]
    }
    const batches = inBatches(slow(), { first: 100, largest: 100, patience: 20 })
    expect((await batches.next()).value).toEqual([1])
    goOn()
    expect((await batches.next()).value).toEqual([2, 3])
    expect((await batches.next()).done).toBe(true)
  })

  it('does not wait for a batch to fill when the source has ended', async () => {
    const patience = 3_600_000
    const all = collected(inBatches(blocksOf([1]), { first: 100, largest: 100, patience }))
    expect(await inTime(all)).toEqual([[1]])
  })

  it('ends a batch early where its items are very long, but never before one', async () => {
    const long = 3 * 2 ** 20
    const batches = await collected(inBatches(blocksOf(numbers(7)), { ...sizes, first: 10 }, () => long))
    expect(batches).toEqual([[0, 1], [2, 3], [4, 5], [6]])
    const huge = await collected(inBatches(blocksOf(numbers(3)), sizes, () => 10 * long))
    expect(huge).toEqual([[0], [1], [2]])
  })
})
