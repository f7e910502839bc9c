import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Database } from '../../src/db/database.ts'
import type { AnsweredRow } from '../../src/import/answer.ts'
import type { ImportMode, Receipt, ReceiptStore } from '../../src/receipts/receipt.ts'
import type { StoredUser } from '../../src/users/user.ts'
import { errorsText } from '../../src/users/faults.ts'
import { MemoryReceipts } from '../receipts/memory-receipts.ts'
import { openTestDatabase } from '../support/database.ts'
import { newImport, receiptsIn, writerOf } from '../support/receipt-store.ts'
import { addOrganization, storedUsers, writeUsers } from './database-users.ts'
import { assertHeld, engineCases, inCase, type EngineCase } from './engine-cases.ts'
import { run } from './running.ts'

const seed = Number(process.env['PROPERTY_SEED'] ?? 20261122)
const runs = Math.ceil(Number(process.env['PROPERTY_RUNS'] ?? 3_000) / 3)
const databaseRuns = Math.ceil(runs / 20)
const batchSizes = fc.constantFrom(1, 3, 7, 500)

/** An organization and its receipts. */
interface World {
  readonly receipts: ReceiptStore
  readonly organizationId: number
  /** The values of all users, in the order of their ids. */
  stored(): Promise<readonly (readonly string[])[]>
}

interface Ran {
  readonly receipt: Receipt
  readonly rows: readonly AnsweredRow[]
}

async function imported(world: World, mode: ImportMode, asked: EngineCase, batch: number): Promise<Ran> {
  const { importer, layout, rows, clearBlanks } = asked
  const { receipts, organizationId } = world
  const receipt = await writerOf(receipts, newImport(organizationId, { mode }))
  const { heard } = await run({ mode, receipt, importer, layout, rows, clearBlanks, batch })
  if (heard.end !== 'finished') throw heard.end?.error
  const ended = await receipts.find({ organizationId, kind: 'users', caller: undefined }, receipt.id)
  return { receipt: ended!, rows: heard.rows(layout) }
}

const verdictOf = ({ number, disposition, faults, changed }: AnsweredRow): string =>
  `row ${number}: ${disposition} ${changed.join(' ')} ${errorsText(faults)}`

/** The users, without the ids that imports gave them. */
const anonymous = (users: readonly (readonly string[])[], { users: before }: EngineCase): string[] =>
  users
    .map(([id = '', ...values]) => JSON.stringify([before.some((user) => user.id === id) ? id : '', values]))
    .sort()

/** Compares what a dry run says with what a strict import and an import do then, in batches of other sizes. */
async function hold(
  open: (users: readonly StoredUser[]) => Promise<World>,
  asked: EngineCase,
  [dry, wet]: readonly [number, number],
): Promise<void> {
  const world = await open(asked.users)
  const before = await world.stored()
  const dryRun = await imported(world, 'dryRun', asked, dry)
  expect(await world.stored()).toEqual(before)
  expect(dryRun.receipt.refused).toBe(false)
  expect(dryRun.rows.map(({ id, cells }) => [id, cells])).toEqual(sentRows(asked))

  const other = await open(asked.users)
  const strict = await imported(other, 'strict', asked, wet)
  const each = await imported(world, 'each', asked, wet)
  expect(dryRun.rows.map(verdictOf)).toEqual(each.rows.map(verdictOf))
  expect(strict.rows.map(verdictOf)).toEqual(each.rows.map(verdictOf))
  expect([dryRun.receipt.counts, strict.receipt.counts]).toEqual([each.receipt.counts, each.receipt.counts])

  const isRefused = each.receipt.counts.invalid > 0
  expect(strict.receipt.refused).toBe(isRefused)
  const left = await other.stored()
  if (isRefused) expect(left).toEqual(before)
  else expect(anonymous(left, asked)).toEqual(anonymous(await world.stored(), asked))
}

/** Every cell as it was sent, in rows as wide as the header, and no id. */
const sentRows = ({ layout, rows }: EngineCase) =>
  rows.map(({ cells }) => [null, layout.map((_, index) => cells[index] ?? '')])

async function assertHolds(
  open: (users: readonly StoredUser[]) => Promise<World>,
  numRuns: number,
): Promise<void> {
  const sizes = fc.tuple(batchSizes, batchSizes)
  const property = fc.asyncProperty(engineCases, sizes, (asked, each) =>
    inCase(asked, each[0], () => hold(open, asked, each)),
  )
  assertHeld(await fc.check(property, { seed, numRuns }))
}

describe('a dry run tells the truth, and a strict import does all or nothing', () => {
  it(`on users in memory (${runs} files, seed ${seed})`, async () => {
    await assertHolds((users) => {
      const receipts = new MemoryReceipts()
      for (const user of users) receipts.directory.usersOf(1).set(user.id, user)
      const stored = () => {
        const all = [...receipts.directory.usersOf(1).values()].map(({ values }) => values as string[])
        return Promise.resolve(all.sort(([one = ''], [other = '']) => (one < other ? -1 : 1)))
      }
      return Promise.resolve({ receipts, organizationId: 1, stored })
    }, runs)
  }, 600_000)
})

describe('on the database a dry run tells the truth, and a strict import does all or nothing', () => {
  let database: Database

  beforeAll(async () => {
    database = await openTestDatabase()
  })
  afterAll(() => database.close())

  it(`on users in the database (${databaseRuns} files, seed ${seed})`, async () => {
    const receipts = receiptsIn(database.knex)
    await assertHolds(async (users) => {
      const organizationId = await addOrganization(database.knex)
      await writeUsers(database.knex, organizationId, users)
      return { receipts, organizationId, stored: () => storedUsers(database.knex, organizationId) }
    }, databaseRuns)
  }, 600_000)
})
