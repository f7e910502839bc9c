import { beforeEach, describe, expect, it } from '@jest/globals'
import { ServiceError } from '../../src/errors.ts'
import type { StoredChunk } from '../../src/receipts/chunk.ts'
import { storedChunks } from '../../src/receipts/follow.ts'
import type { AbortReason, ImportMode, Receipt, ReceiptWriter } from '../../src/receipts/receipt.ts'
import { MemoryReceipts } from '../receipts/memory-receipts.ts'
import { newImport, writerOf } from '../support/receipt-store.ts'
import { buildUser, fileOf, givenOf, inOneBlock, outcomes, type Given } from './builders.ts'
import { formOf, rowsIn, run, type Heard } from './running.ts'

const people: readonly Given[] = ['anna', 'bob', 'carol', 'dora', 'emil'].map((name) => ({
  slug: name,
  email: `${name}@x.org`,
}))
const layout = fileOf(...people).layout

const stopping = new ServiceError('service.stopping', 'The service is stopping.')

let receipts: MemoryReceipts

beforeEach(() => {
  receipts = new MemoryReceipts()
})

/** A writer that leaves an import to others where its process stops, as one of jobs does. */
const leaving = (writer: ReceiptWriter): ReceiptWriter => ({
  ...writer,
  abort: (reason: AbortReason) => (reason.code === stopping.code ? Promise.resolve() : writer.abort(reason)),
})

/** Runs an import of batches of two whose process stops after so many chunks. */
async function stoppedAfter(chunks: number, given: readonly Given[]): Promise<Receipt> {
  const writer = leaving(await writerOf(receipts, newImport(1)))
  const store: ReceiptWriter['store'] = {
    save: (work) => {
      const isStopped = receipts.receiptOf(writer.id).chunks === chunks
      return isStopped ? Promise.reject(stopping) : writer.store.save(work)
    },
  }
  const { heard } = await run({ mode: 'each', receipt: { ...writer, store }, batch: 2, ...fileOf(...given) })
  expect(heard.end).toEqual({ error: stopping })
  return receipts.receiptOf(writer.id)
}

interface Resumed {
  readonly receipt: Receipt
  readonly heard: Heard
  /** What a reader sees of each row of the result. */
  readonly answers: readonly string[]
}

interface More {
  readonly mode?: ImportMode
  readonly change?: (chunk: StoredChunk) => StoredChunk
  readonly writer?: (writer: ReceiptWriter) => ReceiptWriter
}

/** Goes on with an import, with these rows as its upload. */
async function resumed(before: Receipt, given: readonly Given[], more: More = {}): Promise<Resumed> {
  const { mode = 'each', change = (chunk) => chunk, writer = (same) => same } = more
  const receipt = writer(receipts.writerAgain(before.id))
  const earlier = changed(storedChunks(receipts, before, before.chunks), change)
  const { heard } = await run({ mode, receipt, batch: 2, earlier, ...fileOf(...given) })
  return { receipt: receipts.receiptOf(before.id), heard, answers: await answersOf(before) }
}

async function answersOf(receipt: Receipt): Promise<string[]> {
  const { chunks } = receipts.receiptOf(receipt.id)
  const stored: StoredChunk[] = []
  for await (const chunk of storedChunks(receipts, receipt, chunks)) stored.push(chunk)
  const rows = rowsIn(stored, formOf(layout))
  return outcomes(
    rows.map((row) => ({ ...row, row: { number: row.number, cells: row.cells, faults: [] }, changed: [] })),
  )
}

async function* changed(
  chunks: AsyncIterable<StoredChunk>,
  change: (chunk: StoredChunk) => StoredChunk,
): AsyncGenerator<StoredChunk> {
  for await (const chunk of chunks) yield change(chunk)
}

const storedSlugs = (): unknown[] =>
  [...receipts.directory.usersOf(1).values()].map((user) => givenOf(user).slug)

describe('an import that is to go on', () => {
  it.each([
    ['with fewer rows than were answered', people.slice(0, 3), undefined, 'the upload ends before row 5'],
    ['without any row', [], undefined, 'the upload ends before row 2'],
    [
      'after chunks of which one is missing',
      people,
      (chunk: StoredChunk) => ({ ...chunk, firstRow: chunk.firstRow + 2 }),
      'row 2 was answered as another',
    ],
    [
      'with a row that was imported and is faulty',
      people.with(1, { slug: 'bob', email: 'nowhere' }),
      undefined,
      'row 3 was imported and is faulty now',
    ],
    [
      'with a row that was imported and is blank',
      people.with(1, { slug: '', email: '' }),
      undefined,
      'row 3 was imported and is blank now',
    ],
  ])('%s fails by a mistake of ours and stores nothing more', async (_, given, change, message) => {
    const before = await stoppedAfter(2, people)
    const { heard, receipt } = await resumed(before, given, change && { change })
    expect(heard.end).toEqual({ error: expect.any(RangeError) })
    expect(heard.end).toMatchObject({ error: { message: expect.stringContaining(message) } })
    expect(receipt).toMatchObject({ state: 'aborted', reason: { code: 'internal' }, chunks: 2 })
    expect(storedSlugs()).toEqual(['anna', 'bob', 'carol', 'dora'])
  })

  it('fails with what the reading of its chunks fails with', async () => {
    const before = await stoppedAfter(1, people)
    const gone = new ServiceError('database.unreachable', 'Try again later.')
    const { heard } = await resumed(before, people, {
      change: () => {
        throw gone
      },
    })
    expect(heard).toMatchObject({ chunks: [], end: { error: gone } })
  })

  it('and is stopped while it recalls is left as it was', async () => {
    const before = await stoppedAfter(2, people)
    const stop = new AbortController()
    const { heard, receipt } = await resumed(before, people, {
      writer: (writer) => ({ ...leaving(writer), signal: stop.signal }),
      change: (chunk) => {
        stop.abort(stopping)
        return chunk
      },
    })
    expect(heard).toMatchObject({ chunks: [], end: { error: stopping } })
    expect(receipt).toEqual(before)
  })
})

describe('an import that was stopped, and left to others', () => {
  it('is still running, with what it had stored', async () => {
    const receipt = await stoppedAfter(1, people)
    expect(receipt).toMatchObject({ state: 'running', reason: undefined, chunks: 1, counts: { created: 2 } })
  })

  it('has the batch that was under way when it was told to stop, which is not imported again', async () => {
    const writer = leaving(await writerOf(receipts, newImport(1)))
    const stop = new AbortController()
    const store: ReceiptWriter['store'] = {
      save: async (work) => {
        const batch = await writer.store.save(work)
        stop.abort(stopping)
        return batch
      },
    }
    const receipt = { ...writer, store, signal: stop.signal }
    const { heard } = await run({ mode: 'each', receipt, batch: 2, ...fileOf(...people) })
    expect(heard).toMatchObject({ chunks: [{ firstRow: 2 }], end: { error: stopping } })
    const before = receipts.receiptOf(writer.id)
    expect(before).toMatchObject({ state: 'running', chunks: 2 })
    const { answers } = await resumed(before, people)
    expect(answers).toEqual(people.map(() => 'created'))
  })

  it('goes on after its last chunk and tells only of new ones', async () => {
    const { heard, receipt, answers } = await resumed(await stoppedAfter(1, people), people)
    expect(heard.end).toBe('finished')
    expect(heard.chunks.map(({ firstRow }) => firstRow)).toEqual([4, 6])
    expect(receipt).toMatchObject({ state: 'finished', chunks: 3, counts: { created: 5 } })
    expect(answers).toEqual(people.map(() => 'created'))
    expect(storedSlugs()).toEqual(['anna', 'bob', 'carol', 'dora', 'emil'])
  })

  it('of which all rows were answered is finished, and nothing is stored', async () => {
    const four = people.slice(0, 4)
    const writer = await writerOf(receipts, newImport(1))
    const lost = new ServiceError('database.unreachable', 'Try again later.')
    const killed = { ...writer, finish: () => Promise.reject(lost), abort: () => Promise.resolve() }
    await run({ mode: 'each', receipt: killed, batch: 2, ...fileOf(...four) })
    const { heard, receipt } = await resumed(receipts.receiptOf(writer.id), four)
    expect(heard).toMatchObject({ chunks: [], end: 'finished' })
    expect(receipt).toMatchObject({ state: 'finished', chunks: 2, counts: { created: 4 } })
  })

  it('knows whom its first rows meant, created, updated or as they were, by which key, and no invalid row', async () => {
    for (const slug of ['bob', 'carol'])
      receipts.directory.usersOf(1).set(slug, buildUser({ id: slug, slug, email: `${slug}@x.org` }))
    const first: readonly Given[] = [
      { slug: 'anna', email: 'anna@x.org' },
      { slug: 'bob', email: 'robert@x.org' },
      { slug: '', email: 'carol@x.org' },
      { slug: 'no slug', email: 'dora@x.org' },
    ]
    const then: readonly Given[] = [
      { slug: 'anna', email: '' },
      { slug: '', email: 'robert@x.org' },
      { slug: 'carol', email: '' },
      { slug: 'dora', email: 'dora@x.org' },
      { slug: 'bert', email: 'bob@x.org' },
    ]
    const { answers } = await resumed(await stoppedAfter(2, [...first, ...then]), [...first, ...then])
    const invalid = (text: string): string => `Validation error: ${text}`
    expect(answers).toEqual([
      ...['created', 'updated', 'unchanged'],
      invalid('slug must be 1 to 128 characters without white space, but has no slug'),
      invalid('slug must be unique in the file, but row 2 has anna'),
      invalid('email must be unique in the file, but row 3 has robert@x.org'),
      invalid('slug must mean a user once in the file, but row 4 means the same user'),
      ...['created', 'created'],
    ])
  })

  it('goes on whatever day it is by now: of answered rows only the keys are looked at', async () => {
    const given = people.map((each, index) => ({ ...each, birthdate: index === 0 ? '2026-11-22' : '' }))
    const before = await stoppedAfter(1, given)
    const past = given.with(0, { ...given[0], birthdate: '2999-01-01' })
    expect((await resumed(before, past)).heard.end).toBe('finished')
  })

  it('takes turns with the event loop while it recalls many rows', async () => {
    const many = Array.from({ length: 2_000 }, (_, index) => ({
      slug: `s${index}`,
      email: `s${index}@x.org`,
    }))
    const before = await stoppedAfter(900, many)
    let turns = 0
    let next: NodeJS.Immediate | undefined
    const turn = (): void => {
      turns += 1
      next = setImmediate(turn)
    }
    turn()
    await resumed(before, many.slice(0, 2 * before.chunks))
    clearImmediate(next)
    expect(turns).toBeGreaterThan(500)
  })
})

describe('a strict import or dry run', () => {
  it.each(['strict', 'dryRun'] as const)(
    'begins again, whatever is given of an earlier run: %s',
    async (mode) => {
      const writer = await writerOf(receipts, newImport(1, { mode }))
      const { heard } = await run({
        mode,
        receipt: writer,
        batch: 2,
        earlier: changed(storedChunks(receipts, { organizationId: 1, id: writer.id }, 1), (chunk) => chunk),
        coming: inOneBlock([]),
        ...fileOf(...people),
      })
      expect(heard.end).toBe('finished')
      expect(heard.chunks).toHaveLength(3)
    },
  )
})
