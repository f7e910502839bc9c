import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { csvHead } from '../../src/csv/write-csv.ts'
import { ServiceError } from '../../src/errors.ts'
import type { Row } from '../../src/import/row.ts'
import type { ImportMode, Receipt, ReceiptWriter } from '../../src/receipts/receipt.ts'
import { MemoryReceipts } from '../receipts/memory-receipts.ts'
import { newImport, writerOf } from '../support/receipt-store.ts'
import { buildUser, fileOf, givenOf, inOneBlock, type Given } from './builders.ts'
import { formOf, run, uploaded, type Heard, type RunAsked } from './running.ts'

const good: readonly Given[] = ['anna', 'bob', 'carol', 'dora'].map((name) => ({
  email: `${name}@x.org`,
  givenName: name,
}))
const withBad = good.with(2, { email: 'nowhere', givenName: 'carol' })
const modes: readonly ImportMode[] = ['each', 'strict', 'dryRun']

let receipts: MemoryReceipts

beforeEach(() => {
  receipts = new MemoryReceipts()
})

interface Ran {
  readonly heard: Heard
  readonly failure: unknown
  readonly receipt: Receipt
  readonly dispositions: readonly string[]
}

async function imported(
  mode: ImportMode,
  given: readonly Given[],
  more: Partial<RunAsked> = {},
  change: (writer: ReceiptWriter) => ReceiptWriter = (writer) => writer,
): Promise<Ran> {
  const writer = await writerOf(receipts, newImport(1, { mode }))
  const file = fileOf(...given)
  const { heard, failure } = await run({ mode, receipt: change(writer), batch: 2, ...file, ...more })
  const dispositions = heard.rows(file.layout).map(({ disposition }) => disposition)
  return { heard, failure, receipt: receipts.receiptOf(writer.id), dispositions }
}

const stored = (): Given[] => [...receipts.directory.usersOf(1).values()].map(givenOf)
const storedEmails = (): unknown[] => stored().map(({ email }) => email)
const cut = new ServiceError('request.interrupted', 'The upload ended before it was complete.')

async function* failing(rows: readonly Row[], error: Error): AsyncGenerator<readonly Row[]> {
  yield* inOneBlock(rows)
  throw error
}

describe('an import that can not be completed', () => {
  it('since its upload broke off keeps whole batches, and its receipt says why', async () => {
    const { rows } = fileOf(...good.slice(0, 3))
    const { heard, failure, receipt, dispositions } = await imported('each', good, {
      coming: failing(rows, cut),
    })
    expect(heard.end).toEqual({ error: cut })
    expect(failure).toBeUndefined()
    expect(receipt).toMatchObject({
      state: 'aborted',
      reason: { code: 'request.interrupted', detail: cut.message },
      upload: undefined,
      answerDigest: undefined,
    })
    expect(dispositions).toEqual(['created', 'created', 'created'])
    expect(receipt.counts.created).toBe(3)
    expect(storedEmails()).toEqual(good.slice(0, 3).map(({ email }) => email))
  })

  it.each(modes)('since its upload broke off after its last row is aborted: %s', async (mode) => {
    const { heard, receipt } = await imported(mode, good, { received: () => Promise.reject(cut) })
    expect(heard.end).toEqual({ error: cut })
    expect(receipt.state).toBe('aborted')
    expect(stored()).toHaveLength(mode === 'each' ? 4 : 0)
    expect(heard.chunks).toHaveLength(mode === 'each' ? 2 : 0)
  })

  it('by a mistake of ours tells nobody which', async () => {
    const mistake = new TypeError('secret is undefined')
    const { heard, receipt } = await imported('each', good, { coming: failing([], mistake) })
    expect(heard.end).toEqual({ error: mistake })
    expect(receipt.reason).toEqual({ code: 'internal', detail: expect.not.stringContaining('secret') })
  })

  it.each(modes)('since the database stays in trouble is aborted: %s', async (mode) => {
    const trouble = new ServiceError('database.unreachable', 'Try again later.')
    const broken = (): Promise<never> => Promise.reject(trouble)
    const { heard, receipt } = await imported(mode, good, {}, (writer) => ({
      ...writer,
      store: { save: broken },
      inOne: broken,
    }))
    expect(heard).toMatchObject({ chunks: [], end: { error: trouble } })
    expect(receipt).toMatchObject({ state: 'aborted', reason: { code: 'database.unreachable' } })
    expect(stored()).toEqual([])
  })

  it('since it could not be finished is aborted, with all that it stored', async () => {
    const lost = new ServiceError('import.lost', 'The import was given up.')
    const { heard, receipt } = await imported('each', good, {}, (writer) => ({
      ...writer,
      finish: () => Promise.reject(lost),
    }))
    expect(heard.chunks).toHaveLength(2)
    expect(heard.end).toEqual({ error: lost })
    expect(receipt.state).toBe('aborted')
  })

  it('fails for its reader, too, where the abort can not be written, and says so', async () => {
    const gone = new ServiceError('database.unreachable', 'Try again later.')
    const { heard, failure } = await imported('each', good, { coming: failing([], cut) }, (writer) => ({
      ...writer,
      abort: () => Promise.reject(gone),
    }))
    expect(heard.end).toEqual({ error: cut })
    expect(failure).toBe(gone)
  })
})

describe('an import that is stopped', () => {
  it('ends after its batch, and what was stored is told', async () => {
    const { heard, receipt } = await imported('each', good, {}, (writer) => ({
      ...writer,
      store: {
        save: async (work) => {
          const saved = await writer.store.save(work)
          if (receipts.receiptOf(writer.id).chunks === 1)
            await receipts.requestStop({ organizationId: 1, id: writer.id })
          return saved
        },
      },
    }))
    expect(heard.end).toMatchObject({ error: { code: 'import.stopped' } })
    expect(receipt).toMatchObject({ state: 'aborted', reason: { code: 'import.stopped' } })
    expect(heard.chunks).toHaveLength(1)
    expect(stored().length).toBeLessThanOrEqual(receipt.counts.created)
  })

  it('is stopped, whatever it failed at because of it', async () => {
    const { heard, receipt } = await imported('each', good, {}, (writer) => ({
      ...writer,
      store: {
        save: async () => {
          await receipts.requestStop({ organizationId: 1, id: writer.id })
          throw new RangeError('aborted')
        },
      },
    }))
    expect(heard.end).toMatchObject({ error: { code: 'import.stopped' } })
    expect(receipt.reason?.code).toBe('import.stopped')
  })

  it.each(['strict', 'dryRun'] as const)('while its rows are judged leaves nothing: %s', async (mode) => {
    const { heard, receipt } = await imported(mode, good, {}, (writer) => ({
      ...writer,
      inOne: async (work, keep) => {
        await receipts.requestStop({ organizationId: 1, id: writer.id })
        return writer.inOne(work, keep)
      },
    }))
    expect(heard).toMatchObject({ chunks: [], end: { error: { code: 'import.stopped' } } })
    expect(receipt.state).toBe('aborted')
    expect(stored()).toEqual([])
  })
})

describe('an import of each row on its own', () => {
  it('is finished, with the digests of what came and of what was answered', async () => {
    const { heard, failure, receipt, dispositions } = await imported('each', withBad)
    expect(failure).toBeUndefined()
    expect(heard.end).toBe('finished')
    expect(dispositions).toEqual(['created', 'created', 'invalid', 'created'])
    const form = formOf(['email', 'givenName'])
    const text = csvHead(form, form.options) + receipts.textOf(receipt.id)
    expect(receipt).toMatchObject({
      state: 'finished',
      reason: undefined,
      refused: false,
      chunks: 2,
      upload: uploaded,
      answerDigest: createHash('sha256').update(text).digest('base64'),
      counts: { created: 3, updated: 0, unchanged: 0, invalid: 1, skipped: 0 },
    })
    expect(storedEmails()).toEqual(['anna@x.org', 'bob@x.org', 'dora@x.org'])
  })

  it('has the records of its chunks in the order of the rows where the store refuses one', async () => {
    receipts.directory.refuses = ({ values }) => (values.includes('bob') ? 'no_bob' : undefined)
    const { receipt, dispositions } = await imported('each', good, { batch: 4 })
    expect(dispositions).toEqual(['created', 'invalid', 'created', 'created'])
    expect(receipt.counts).toMatchObject({ created: 3, invalid: 1 })
    expect(storedEmails()).toEqual(['anna@x.org', 'carol@x.org', 'dora@x.org'])
  })

  it.each(modes)('or of all, without rows, is finished without chunks: %s', async (mode) => {
    const { heard, receipt } = await imported(mode, [])
    expect(heard).toMatchObject({ chunks: [], end: 'finished' })
    expect(receipt).toMatchObject({ state: 'finished', chunks: 0, refused: false })
  })
})

describe('a strict import', () => {
  it('with an invalid row writes nothing, is refused, and says of each other row that it is valid', async () => {
    const { heard, receipt, dispositions } = await imported('strict', withBad)
    expect(heard.end).toBe('finished')
    expect(stored()).toEqual([])
    expect(receipt).toMatchObject({
      state: 'finished',
      refused: true,
      counts: { created: 3, invalid: 1 },
      upload: uploaded,
    })
    expect(dispositions).toEqual(['created', 'created', 'invalid', 'created'])
    expect(heard.rows(['email', 'givenName']).map(({ id }) => id)).toEqual([null, null, null, null])
  })

  it('with a row that only the store refuses writes nothing', async () => {
    receipts.directory.refuses = ({ values }) => (values.includes('dora') ? 'no_dora' : undefined)
    const { receipt, dispositions } = await imported('strict', good)
    expect(stored()).toEqual([])
    expect(receipt.refused).toBe(true)
    expect(dispositions).toEqual(['created', 'created', 'created', 'invalid'])
  })

  it('of good rows writes all of them', async () => {
    const { heard, receipt } = await imported('strict', good)
    expect(receipt).toMatchObject({ state: 'finished', refused: false, counts: { created: 4 } })
    expect(storedEmails()).toEqual(good.map(({ email }) => email))
    const ids = [...receipts.directory.usersOf(1).keys()]
    expect(heard.rows(['email', 'givenName']).map(({ id }) => id)).toEqual(ids)
  })

  it('that is run again after trouble answers each row once, by the run that counts', async () => {
    receipts.trouble = 2
    const { heard, receipt } = await imported('strict', good)
    expect(receipts.trouble).toBe(0)
    expect(receipt).toMatchObject({ chunks: 2, counts: { created: 4 } })
    const ids = [...receipts.directory.usersOf(1).keys()]
    expect(heard.rows(['email', 'givenName']).map(({ id }) => id)).toEqual(ids)
  })

  it('has received its upload as a whole before it asks the store for anything', async () => {
    const seen: string[] = []
    const received = (): Promise<typeof uploaded> => {
      seen.push('received')
      return Promise.resolve(uploaded)
    }
    await imported('strict', good, { received }, (writer) => ({
      ...writer,
      uploaded: async (upload) => {
        seen.push('noted')
        await writer.uploaded(upload)
      },
      inOne: (work, keep) => {
        seen.push('judged')
        return writer.inOne(work, keep)
      },
    }))
    expect(seen.slice(0, 3)).toEqual(['received', 'noted', 'judged'])
  })
})

describe('a dry run', () => {
  it('writes nothing, and says of each row what would become of it', async () => {
    receipts.directory.usersOf(1).set('b', buildUser({ id: 'b', email: 'bob@x.org', givenName: 'Robert' }))
    const before = stored()
    const { heard, receipt, dispositions } = await imported('dryRun', withBad)
    expect(stored()).toEqual(before)
    expect(dispositions).toEqual(['created', 'updated', 'invalid', 'created'])
    expect(receipt).toMatchObject({
      state: 'finished',
      refused: false,
      counts: { created: 2, updated: 1, invalid: 1 },
    })
    expect(heard.rows(['email', 'givenName']).map(({ id }) => id)).toEqual([null, null, null, null])
  })

  it('that is run again after trouble answers each row once', async () => {
    receipts.trouble = 1
    const { receipt } = await imported('dryRun', good)
    expect(receipt).toMatchObject({ chunks: 2, counts: { created: 4 } })
  })
})
