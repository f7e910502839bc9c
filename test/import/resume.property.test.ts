import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Database } from '../../src/db/database.ts'
import type { AnsweredRow, AnswerOptions } from '../../src/import/answer.ts'
import type { StoredChunk } from '../../src/receipts/chunk.ts'
import { rowsOf as answeredIn } from '../../src/receipts/counts.ts'
import { storedChunks } from '../../src/receipts/follow.ts'
import type { ImportPlace, Receipt, ReceiptStore, ReceiptWriter } from '../../src/receipts/receipt.ts'
import { valueOf, type StoredUser } from '../../src/users/user.ts'
import { MemoryReceipts } from '../receipts/memory-receipts.ts'
import { openTestDatabase } from '../support/database.ts'
import { newImport, receiptsIn, writerAgain, writerOf } from '../support/receipt-store.ts'
import { rowsOf } from './builders.ts'
import { addOrganization, storedUsers, writeUsers } from './database-users.ts'
import { assertHeld, engineCases, inCase, type EngineCase } from './engine-cases.ts'
import { formOf, resultIn, rowsIn, run } from './running.ts'

const seed = Number(process.env['PROPERTY_SEED'] ?? 20261122)
const runs = Math.ceil(Number(process.env['PROPERTY_RUNS'] ?? 3_000) / 6)
const databaseRuns = Math.ceil(runs / 10)

/** An organization and its receipts. */
interface World {
  readonly receipts: ReceiptStore
  readonly organizationId: number
  writerAgain(place: ImportPlace, chunks: number): ReceiptWriter
  /** The values of all users. */
  stored(): Promise<readonly (readonly string[])[]>
}

/** A file, how it is answered, and in batches of which size each run imports it. */
interface ResumeCase extends EngineCase {
  readonly options: AnswerOptions
  readonly sizes: readonly [whole: number, before: number, after: number]
  /** After how many chunks of its own the second run is cut as well, if it is. */
  readonly secondCut: number | undefined
}

/** Whom the store refuses for a rule of its own: new users of such rows, of whom there are only in some files. */
const refusedEmails = ['new3@x.org', 'new6@x.org']

/** Rows that mean a user of the organization by one key, as far as the file has its column and he has it. */
const meaningStored = fc.array(
  fc.tuple(fc.nat(), fc.constantFrom('id' as const, 'slug' as const, 'email' as const)),
  { maxLength: 3 },
)

/** Repeats rows of a file with fewer cells, and means some users at its beginning and at its end, each by any key. */
const withRepeats = fc
  .tuple(
    engineCases,
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 ** 12 }), fc.nat({ max: 2 ** 12 })), { maxLength: 4 }),
    meaningStored,
    meaningStored,
  )
  .map(([asked, repeats, first, last]): EngineCase => {
    const { layout, rows, users } = asked
    const cells = rows.map((row) => row.cells)
    const again = repeats.map(([which, mask, other]) =>
      cells[which % cells.length]!.map((cell, at) => (((mask | other) >> at) & 1 ? cell : '')),
    )
    const meaning = (some: typeof first): string[][] =>
      some.map(([which, key]) => {
        const user = users[which % users.length]
        return layout.map((name) =>
          name === key && user !== undefined ? (valueOf(user.values, key) ?? '') : '',
        )
      })
    return { ...asked, rows: rowsOf(...meaning(first), ...cells, ...again, ...meaning(last)) }
  })

const resumeCases: fc.Arbitrary<ResumeCase> = fc
  .tuple(
    withRepeats,
    fc.record({ onlyInvalid: fc.boolean(), detailed: fc.boolean(), returnId: fc.boolean() }),
    fc.tuple(fc.constantFrom(1, 3, 500), fc.constantFrom(1, 1, 2, 3, 7, 500), fc.constantFrom(1, 2, 5, 500)),
    fc.option(fc.nat({ max: 2 }), { nil: undefined }),
  )
  .map(([asked, options, sizes, secondCut]) => ({ ...asked, options, sizes, secondCut }))

class Killed extends Error {}

/** A writer whose process is killed once so many chunks are stored: it says no last word. */
function killedAfter(writer: ReceiptWriter, chunks: number): ReceiptWriter {
  let stored = 0
  return {
    ...writer,
    store: {
      save: async (work) => {
        if (stored === chunks) throw new Killed()
        const batch = await writer.store.save(work)
        stored += 1
        return batch
      },
    },
    finish: () => Promise.reject(new Killed()),
    abort: () => Promise.resolve(),
  }
}

/** What an import came to. */
interface Came {
  readonly receipt: Receipt
  readonly rows: readonly AnsweredRow[]
  /** The result and the table, without the ids that the import gave. */
  readonly text: string
  readonly table: readonly string[]
}

/** Imports the file by one run after the other, all but the last of them killed. @returns after which rows they were */
async function importIn(
  world: World,
  asked: ResumeCase,
  killed: readonly (readonly [batch: number, chunks: number])[],
  lastBatch: number,
): Promise<Came & { readonly cuts: readonly number[] }> {
  const { receipts, organizationId } = world
  const form = formOf(asked.layout, asked.options)
  const { importer, layout, rows, clearBlanks, options } = asked
  const file = { mode: 'each' as const, importer, layout, rows, clearBlanks, options }
  const first = await writerOf(receipts, newImport(organizationId, { form }))
  const place = { organizationId, id: first.id }
  const now = async (): Promise<Receipt> =>
    (await receipts.find({ organizationId, kind: 'users', caller: undefined }, first.id))!
  const cuts: number[] = []
  let writer = first
  let earlier: AsyncIterable<StoredChunk> | undefined
  for (const [batch, chunks] of killed) {
    const { heard } = await run({ ...file, batch, receipt: killedAfter(writer, chunks), earlier })
    expect(heard.end).toEqual({ error: new Killed() })
    const receipt = await now()
    cuts.push(1 + answeredIn(receipt.counts))
    writer = world.writerAgain(place, receipt.chunks)
    earlier = storedChunks(receipts, place, receipt.chunks)
  }
  const { heard } = await run({ ...file, batch: lastBatch, receipt: writer, earlier })
  if (heard.end !== 'finished') throw heard.end?.error
  return { ...(await cameTo(world, await now(), asked)), cuts }
}

async function cameTo(world: World, receipt: Receipt, { layout, options }: ResumeCase): Promise<Came> {
  const form = formOf(layout, options)
  const chunks: StoredChunk[] = []
  for await (const chunk of storedChunks(world.receipts, receipt, receipt.chunks)) chunks.push(chunk)
  const rows = rowsIn(chunks, form)
  const result = resultIn(chunks, form)
  expect(receipt.answerDigest).toBe(createHash('sha256').update(result).digest('base64'))
  const created = rows.filter(({ disposition }) => disposition === 'created')
  const names = new Map(created.map(({ id, number }) => [id, `new ${number}`]))
  const text = created.reduce((all, { id, number }) => all.replaceAll(id!, `new ${number}`), result)
  const table = (await world.stored()).map(([id = '', ...values]) =>
    JSON.stringify([names.get(id) ?? id, values]),
  )
  return { receipt, rows, text, table: table.sort() }
}

/** What the cuts met: without it the property would hold of anything. */
class Met {
  resumed = 0
  sameKey = 0
  otherKey = 0
  handedOn = 0
  refused = 0
  onlyInvalidBefore = 0

  count({ rows, receipt, cuts }: Awaited<ReturnType<typeof importIn>>): void {
    const before = (number: number): boolean => number <= (cuts.at(-1) ?? 0)
    this.resumed += 1
    this.refused += rows.some(({ faults }) => faults.some(({ code }) => code === 'row.refused')) ? 1 : 0
    this.handedOn += rows.some(({ number, changed }) => before(number) && changed.includes('email')) ? 1 : 0
    const dispositions = rows.filter(({ number }) => before(number)).map(({ disposition }) => disposition)
    const means = dispositions.some((each) => each !== 'invalid' && each !== 'skipped')
    this.onlyInvalidBefore += dispositions.length > 0 && !means && receipt.chunks > 1 ? 1 : 0
    const messages = rows
      .filter(({ number }) => !before(number))
      .flatMap(({ faults }) => faults.map(({ message }) => message))
    const across = (sentence: RegExp): boolean =>
      messages.some((message) => before(Number(sentence.exec(message)?.[1] ?? Infinity)))
    this.sameKey += across(/in the file, but row (\d+) has/) ? 1 : 0
    this.otherKey += across(/in the file, but row (\d+) means the same user/) ? 1 : 0
  }
}

type Open = (users: readonly StoredUser[]) => Promise<World>

async function compare(
  open: Open,
  asked: ResumeCase,
  cuts: readonly number[] | 'all',
  met: Met,
): Promise<void> {
  const [whole, before, after] = asked.sizes
  const expected = await importIn(await open(asked.users), asked, [], whole)
  const inBefore = await importIn(await open(asked.users), asked, [], before)
  const all = inBefore.receipt.chunks
  const chosen =
    cuts === 'all' ? Array.from({ length: all + 1 }, (_, cut) => cut) : cuts.map((cut) => cut % (all + 1))
  for (const cut of chosen) {
    const second = asked.secondCut === undefined ? [] : [[after, asked.secondCut] as const]
    const resumed = await importIn(await open(asked.users), asked, [[before, cut], ...second], after)
    const where = `cut after ${cut} of ${all} chunks`
    expect([where, resumed.text]).toEqual([where, expected.text])
    expect([where, resumed.table]).toEqual([where, expected.table])
    expect([where, resumed.receipt.counts]).toEqual([where, expected.receipt.counts])
    expect(resumed.receipt.state).toBe('finished')
    met.count(resumed)
  }
}

describe('an import that goes on where an earlier run was cut off', () => {
  const met = new Met()

  it(`comes to what one comes to that was never cut, wherever that was (${runs} files, seed ${seed})`, async () => {
    const open: Open = (users) => {
      const receipts = new MemoryReceipts()
      const table = () => receipts.directory.usersOf(1)
      for (const user of users) table().set(user.id, user)
      receipts.directory.refuses = ({ keys }) =>
        refusedEmails.includes(keys.email ?? '') ? 'refused' : undefined
      return Promise.resolve({
        receipts,
        organizationId: 1,
        writerAgain: ({ id }) => receipts.writerAgain(id),
        stored: () => Promise.resolve([...table().values()].map(({ values }) => values as string[])),
      })
    }
    const property = fc.asyncProperty(resumeCases, (asked) =>
      inCase(asked, asked.sizes[1], () => compare(open, asked, 'all', met)),
    )
    assertHeld(await fc.check(property, { seed, numRuns: runs }))
  }, 600_000)

  it('meets users whom rows before the cut meant, by the same key and by others, and whatever else matters', () => {
    expect(met.resumed).toBeGreaterThan(2 * runs)
    expect(Math.min(met.sameKey, met.otherKey, met.handedOn, met.onlyInvalidBefore)).toBeGreaterThan(
      runs / 50,
    )
    expect(met.refused).toBeGreaterThan(runs / 50)
  })
})

describe('an import that goes on on the database', () => {
  let database: Database

  beforeAll(async () => {
    database = await openTestDatabase()
    const refused = refusedEmails.map((email) => `'${email}'`).join(', ')
    await database.knex.raw(`alter table users add constraint refused check (email_key not in (${refused}))`)
  })
  afterAll(() => database.close())

  it(`comes to what one comes to that was never cut (${databaseRuns} files, seed ${seed})`, async () => {
    const { knex } = database
    const receipts = receiptsIn(knex)
    const open: Open = async (users) => {
      const organizationId = await addOrganization(knex)
      await writeUsers(knex, organizationId, users)
      return {
        receipts,
        organizationId,
        writerAgain: (place, chunks) => writerAgain(knex, place, chunks),
        stored: () => storedUsers(knex, organizationId),
      }
    }
    const met = new Met()
    const property = fc.asyncProperty(resumeCases, fc.nat(), (asked, cut) =>
      inCase(asked, asked.sizes[1], () => compare(open, asked, [cut], met)),
    )
    assertHeld(await fc.check(property, { seed, numRuns: databaseRuns }))
    expect(met.resumed).toBe(databaseRuns)
  }, 600_000)
})
