import { setImmediate, setTimeout } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from '@jest/globals'
import type { Chunk, StoredChunk } from '../../src/receipts/chunk.ts'
import { noCounts } from '../../src/receipts/counts.ts'
import {
  FollowedAborted,
  followStored,
  LiveChunks,
  receiptWhen,
  storedChunks,
} from '../../src/receipts/follow.ts'
import type { Receipt, ReceiptWriter } from '../../src/receipts/receipt.ts'
import { chunkOf, newImport, writerOf } from '../support/receipt-store.ts'
import { until } from '../support/until.ts'
import { MemoryReceipts } from './memory-receipts.ts'

/** Whoever follows stays. */
const here = new AbortController().signal

const reason = { code: 'import.stopped', detail: 'The import was stopped.' }
const ending = { upload: { bytes: 1, sha256: 'x' }, answerDigest: 'y' }

const texts = (chunks: readonly StoredChunk[]): string[] => chunks.map(({ answer }) => answer.toString())

/** Chunks that are larger than what is kept in memory for a reader. */
const large = (text: string): Chunk => ({ ...chunkOf(text), notes: Buffer.alloc(3 * 2 ** 20) })

/** What a reader has taken, and how his reading ended. */
class Reader {
  readonly taken: string[] = []
  readonly done: Promise<unknown>

  constructor(chunks: AsyncIterable<StoredChunk>, pause: () => Promise<unknown> = () => Promise.resolve()) {
    this.done = this.#read(chunks, pause).then(
      () => 'ended',
      (error: unknown) => error,
    )
  }

  async #read(chunks: AsyncIterable<StoredChunk>, pause: () => Promise<unknown>): Promise<void> {
    for await (const { answer } of chunks) {
      this.taken.push(answer.toString())
      await pause()
    }
  }

  /** Waits until he has taken so many, or has ended. */
  async has(count: number): Promise<void> {
    await until(() => this.taken.length >= count)
  }
}

/** A place where whoever comes waits until he is let go. */
function gate() {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { pass: () => opened, open }
}

describe('the chunks of an import that runs here', () => {
  let stored: Chunk[]
  let reads: number
  let live: LiveChunks

  beforeEach(() => {
    stored = []
    reads = 0
    live = new LiveChunks((from) => {
      reads += 1
      return Promise.resolve(stored.slice(from, from + 2))
    })
  })

  function store(...chunks: readonly Chunk[]): void {
    for (const chunk of chunks) {
      stored.push(chunk)
      live.add(chunk)
    }
  }

  it('fail at once where the import failed before there was one', async () => {
    live.fail(new RangeError('no database'))
    await expect(live.begun()).rejects.toThrow(new RangeError('no database'))
    expect(await new Reader(live.follow()).done).toEqual(new RangeError('no database'))
  })

  it('have begun where the import fails after the first, and fail after the last', async () => {
    store(chunkOf('one'), chunkOf('two'))
    live.fail(new RangeError('cut'))
    await live.begun()
    const reader = new Reader(live.follow())
    expect(await reader.done).toEqual(new RangeError('cut'))
    expect(reader.taken).toEqual(['one', 'two'])
  })

  it('fail a reader who waits for the next', async () => {
    store(chunkOf('one'))
    const reader = new Reader(live.follow())
    await reader.has(1)
    live.fail(new RangeError('cut'))
    expect(await reader.done).toEqual(new RangeError('cut'))
  })

  it('fail a reader who is late only once he has all that was stored', async () => {
    store(large('one'), large('two'), large('three'))
    live.fail(new RangeError('cut'))
    const reader = new Reader(live.follow())
    expect(await reader.done).toEqual(new RangeError('cut'))
    expect(reader.taken).toEqual(['one', 'two', 'three'])
  })

  it('have not begun while there is neither one nor the end', async () => {
    let begun = false
    const waiting = live.begun().then(() => (begun = true))
    await setTimeout(20)
    expect(begun).toBe(false)
    store(chunkOf('one'))
    await waiting
  })

  it('are none where the import ends without one', async () => {
    const begun = live.begun()
    await setImmediate()
    live.end()
    await begun
    const reader = new Reader(live.follow())
    expect(await reader.done).toBe('ended')
    expect(reader.taken).toEqual([])
  })

  it('come to a reader who keeps up as they are stored, and never from the store', async () => {
    const reader = new Reader(live.follow())
    for (let number = 1; number <= 5; number += 1) {
      store(large(`chunk ${number}`))
      await reader.has(number)
    }
    live.end()
    expect(await reader.done).toBe('ended')
    expect(reader.taken).toEqual(texts(stored))
    expect(reads).toBe(0)
  })

  it('come to one who begins late out of memory, where they are few', async () => {
    store(chunkOf('one'), chunkOf('two'), chunkOf('three'))
    live.end()
    const reader = new Reader(live.follow())
    expect(await reader.done).toBe('ended')
    expect(reader.taken).toEqual(['one', 'two', 'three'])
    expect(reads).toBe(0)
  })

  it('come to one who is slow from the store, each once and in order, and fresh ones once he has caught up', async () => {
    const { pass, open } = gate()
    const reader = new Reader(live.follow(), pass)
    store(chunkOf('first'))
    await reader.has(1)
    store(...Array.from({ length: 7 }, (_, number) => large(`chunk ${number}`)))
    open()
    await reader.has(8)
    const readBack = reads
    expect(readBack).toBeGreaterThan(0)
    store(chunkOf('fresh'))
    live.end()
    expect(await reader.done).toBe('ended')
    expect(reader.taken).toEqual(texts(stored))
    expect(reads).toBe(readBack)
  })

  it('come each once to readers of any pace, whatever is dropped in between', async () => {
    for (let round = 0; round < 30; round += 1) {
      const all: Chunk[] = []
      const chunks = new LiveChunks(async (from) => {
        await setTimeout(round % 3)
        return all.slice(from, from + 2)
      })
      const reader = new Reader(chunks.follow(), () => (round % 2 === 0 ? setTimeout(1) : setImmediate()))
      for (let number = 0; number < 12; number += 1) {
        const chunk = (number * 7 + round) % 3 === 0 ? chunkOf(`${number}`) : large(`${number}`)
        all.push(chunk)
        chunks.add(chunk)
        if ((number + round) % 4 === 0) await setTimeout(1)
      }
      chunks.end()
      expect(await reader.done).toBe('ended')
      expect(reader.taken).toEqual(texts(all))
    }
  })

  it('end a reader for whom the store has no longer what he missed', async () => {
    const { pass, open } = gate()
    const reader = new Reader(live.follow(), pass)
    store(chunkOf('first'))
    await reader.has(1)
    store(large('two'), large('three'))
    live.end()
    stored = []
    open()
    expect(await reader.done).toBeInstanceOf(FollowedAborted)
    expect(reads).toBe(1)
  })

  it('are not kept for a reader who has gone', async () => {
    const following = live.follow()
    store(chunkOf('one'))
    await following.next()
    await following.return(noCounts)
    store(chunkOf('two'))
    live.end()
    expect(await following.next()).toMatchObject({ done: true })
    expect(reads).toBe(0)
  })
})

describe('the chunks of an import that runs anywhere', () => {
  let receipts: MemoryReceipts
  let writer: ReceiptWriter
  let receipt: Receipt

  beforeEach(async () => {
    receipts = new MemoryReceipts()
    writer = await writerOf(receipts, newImport(1))
    receipt = receipts.receiptOf(writer.id)
  })

  const store = (...names: readonly string[]): Promise<unknown> =>
    Promise.all(names.map((name) => writer.store.save(() => Promise.resolve({ record: chunkOf(name) }))))
  const follow = (): Reader => new Reader(followStored(receipts, receipts.receiptOf(writer.id), here))

  it('end badly where it is aborted while they are followed', async () => {
    await store('one')
    const reader = follow()
    await reader.has(1)
    await store('two')
    await writer.abort(reason)
    expect(await reader.done).toBeInstanceOf(FollowedAborted)
    expect(reader.taken).toEqual(['one', 'two'])
  })

  it('end well where it was aborted before', async () => {
    await store('one', 'two')
    await writer.abort(reason)
    const reader = follow()
    expect(await reader.done).toBe('ended')
    expect(reader.taken).toEqual(['one', 'two'])
  })

  it('end badly where the result is deleted while they are read', async () => {
    await store('one', 'two', 'three')
    await writer.finish(ending)
    const { pass, open } = gate()
    const reader = new Reader(followStored(receipts, receipts.receiptOf(writer.id), here), pass)
    await reader.has(1)
    await receipts.erase(receipt)
    open()
    expect(await reader.done).toBeInstanceOf(FollowedAborted)
    expect(reader.taken).toEqual(['one', 'two'])
  })

  it('end well once it has finished', async () => {
    const reader = follow()
    await store('one')
    await reader.has(1)
    await store('two', 'three')
    await writer.finish(ending)
    expect(await reader.done).toBe('ended')
    expect(reader.taken).toEqual(['one', 'two', 'three'])
  })

  it('are all there where it has finished', async () => {
    await store('one', 'two', 'three', 'four', 'five')
    await writer.finish(ending)
    const reader = follow()
    expect(await reader.done).toBe('ended')
    expect(reader.taken).toEqual(['one', 'two', 'three', 'four', 'five'])
  })

  it('that are stored between a look at them and the news of the end are not missed', async () => {
    const chunks = receipts.chunks.bind(receipts)
    let looks = 0
    receipts.chunks = async (place, from) => {
      const found = await chunks(place, from)
      looks += 1
      if (looks === 1) {
        await store('one')
        await writer.finish(ending)
      }
      return found
    }
    const reader = follow()
    expect(await reader.done).toBe('ended')
    expect(reader.taken).toEqual(['one'])
  })

  it('are none of an import without rows', async () => {
    await writer.finish(ending)
    expect(await follow().done).toBe('ended')
  })

  it('are let go when nobody wants more', async () => {
    await store('one')
    const following = followStored(receipts, receipt, here)
    await following.next()
    await following.return(noCounts)
    const before = receipts.reads
    await setTimeout(300)
    expect(receipts.reads).toBe(before)
  })
})

describe('the chunks that are stored', () => {
  it('are read from the first on, and no more than are asked for', async () => {
    const receipts = new MemoryReceipts()
    const writer = await writerOf(receipts, newImport(1))
    for (const text of ['a', 'b', 'c', 'd'])
      await writer.store.save(() => Promise.resolve({ record: chunkOf(text) }))
    const read = async (count: number): Promise<string> => {
      const reader = new Reader(storedChunks(receipts, { organizationId: 1, id: writer.id }, count))
      const end = await reader.done
      return [...reader.taken, end].join(' ')
    }
    expect(await read(5)).toBe('a b c d RangeError: chunk 4 of 5 is not there')
    expect(await read(4)).toBe('a b c d ended')
    expect(await read(3)).toBe('a b c ended')
    expect(await read(0)).toBe('ended')
  })
})

describe('waiting for a receipt', () => {
  it('ends when what is waited for is there, or when the import has ended', async () => {
    const receipts = new MemoryReceipts()
    const writer = await writerOf(receipts, newImport(1))
    const receipt = receipts.receiptOf(writer.id)
    expect(await receiptWhen(receipts, receipt, () => true, here)).toBe(receipt)
    const uploaded = receiptWhen(receipts, receipt, ({ upload }) => upload !== undefined, here)
    await writer.uploaded({ bytes: 1, sha256: 'x' })
    expect(await uploaded).toMatchObject({ state: 'running', upload: { bytes: 1 } })
    const never = receiptWhen(receipts, receipt, () => false, here)
    await writer.abort(reason)
    expect(await never).toMatchObject({ state: 'aborted', reason })
  })

  it('ends when who waits has gone', async () => {
    const receipts = new MemoryReceipts()
    const writer = await writerOf(receipts, newImport(1))
    const gone = new AbortController()
    const waiting = receiptWhen(receipts, receipts.receiptOf(writer.id), () => false, gone.signal)
    gone.abort()
    await expect(waiting).rejects.toThrow('aborted')
  })
})
