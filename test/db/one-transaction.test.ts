import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Database } from '../../src/db/database.ts'
import type { Chunk } from '../../src/receipts/chunk.ts'
import type { ReceiptStore, ReceiptWriter, WholeResult } from '../../src/receipts/receipt.ts'
import { RunningImports } from '../../src/receipts/running-imports.ts'
import type { StoredUser } from '../../src/users/user.ts'
import { StoreRefusal, type BatchStore } from '../../src/users/user-directory.ts'
import { buildUser, idOf } from '../import/builders.ts'
import { addOrganization, storedUsers, writeUsers } from '../import/database-users.ts'
import { openTestDatabase } from '../support/database.ts'
import { chunkOf, newImport, receiptsIn, writerOf } from '../support/receipt-store.ts'

const anna = buildUser({ id: idOf('anna'), slug: 'anna' })
const bob = buildUser({ id: idOf('bob'), slug: 'bob' })
const carol = buildUser({ id: idOf('carol'), slug: 'carol' })

const ending = { upload: { bytes: 1, sha256: 'upload' }, answerDigest: 'answer' }

async function* inOrder(...chunks: readonly Chunk[]): AsyncGenerator<Chunk> {
  await Promise.resolve()
  yield* chunks
}

const resultOf = (...chunks: readonly Chunk[]): WholeResult => ({
  chunks: inOrder(...chunks),
  ending: () => ending,
})

describe('an import in one transaction', () => {
  let database: Database
  let receipts: ReceiptStore
  let writer: ReceiptWriter
  let organizationId: number
  let kept: string[]
  const running = new RunningImports()

  beforeAll(async () => {
    database = await openTestDatabase()
    receipts = receiptsIn(database.knex, { running })
    await database.knex.raw(`alter table users add constraint no_nobody check (name <> 'Nobody')`)
  })
  afterAll(() => database.close())
  beforeEach(async () => {
    kept = []
    organizationId = await addOrganization(database.knex)
    writer = await writerOf(receipts, newImport(organizationId, { mode: 'strict' }))
  })
  afterEach(async () => {
    await database.knex.raw('drop trigger if exists late on users')
    await database.knex.raw('drop trigger if exists soon on users')
  })

  const save = async (
    store: BatchStore<string>,
    record: string,
    users: readonly StoredUser[],
  ): Promise<void> => {
    await store.save(async (within) => {
      await within.insert(users)
      return { record }
    })
  }
  const inOne = (work: (store: BatchStore<string>) => Promise<WholeResult | undefined>) =>
    writer.inOne<string>(work, (record) => {
      kept.push(record)
      return Promise.resolve()
    })
  const ids = async (): Promise<unknown[]> =>
    (await storedUsers(database.knex, organizationId)).map(([id]) => id)
  const receipt = () => receipts.find({ organizationId, kind: 'users', caller: undefined }, writer.id)
  const texts = async (): Promise<string[]> =>
    (await receipts.chunks({ organizationId, id: writer.id }, 0)).map(({ answer }) => answer.toString())

  /** From now on the first `times` inserts fail, in their COMMIT or at once. */
  async function failing(when: 'late' | 'soon', sqlstate: string, times: number): Promise<void> {
    await database.knex.raw('create sequence if not exists tries')
    await database.knex.raw('alter sequence tries restart')
    await database.knex.raw(`
      create or replace function refuse_some() returns trigger language plpgsql as $$ begin
        if nextval('tries') <= ${times} then raise exception 'not now' using errcode = '${sqlstate}'; end if;
        return null;
      end $$`)
    const deferred = when === 'late' ? 'deferrable initially deferred' : ''
    await database.knex.raw(`
      create constraint trigger ${when} after insert on users ${deferred}
      for each row execute function refuse_some()`)
  }

  it('that fails leaves no user and no chunk, and what it failed with is told', async () => {
    const work = inOne(async (store) => {
      await save(store, 'one', [anna])
      throw new RangeError('enough')
    })
    await expect(work).rejects.toThrow(new RangeError('enough'))
    expect([await ids(), await texts()]).toEqual([[], []])
  })

  it('that fails while its chunks are made leaves none', async () => {
    const work = inOne(async (store) => {
      await save(store, 'one', [anna])
      async function* chunks(): AsyncGenerator<Chunk> {
        yield* inOrder(chunkOf('one'))
        throw new RangeError('enough')
      }
      return { chunks: chunks(), ending: () => ending }
    })
    await expect(work).rejects.toThrow(new RangeError('enough'))
    expect([await ids(), await texts()]).toEqual([[], []])
    expect(await receipt()).toMatchObject({ state: 'running', chunks: 0, counts: { created: 0 } })
  })

  it('that gives no chunks leaves no user, and was not committed', async () => {
    const committed = await inOne(async (store) => {
      await save(store, 'one', [anna])
      return undefined
    })
    expect(committed).toBe(false)
    expect(await ids()).toEqual([])
    expect(kept).toEqual(['one'])
  })

  it('whose batch is refused keeps the batches before and after it', async () => {
    const committed = await inOne(async (store) => {
      await save(store, 'one', [anna])
      const refused = save(store, 'two', [carol, buildUser({ name: 'Nobody' })])
      await expect(refused).rejects.toBeInstanceOf(StoreRefusal)
      await save(store, 'three', [bob])
      return resultOf(chunkOf('one'), chunkOf('three', 4))
    })
    expect(committed).toBe(true)
    expect(await ids()).toEqual([anna.id, bob.id])
    expect(kept).toEqual(['one', 'three'])
    expect(await texts()).toEqual(['one', 'three'])
    expect(await receipt()).toMatchObject({ state: 'finished', ...ending, chunks: 2, counts: { created: 2 } })
  })

  it('runs a batch again alone where a key of it was taken', async () => {
    await writeUsers(database.knex, organizationId, [carol])
    let [all, attempts] = [0, 0]
    await inOne(async (store) => {
      all += 1
      await save(store, 'one', [anna])
      await store.save(async (users) => {
        attempts += 1
        if (attempts < 3) await users.insert([buildUser({ slug: 'carol' })])
        await users.insert([bob])
        return { record: 'two' }
      })
      return resultOf(chunkOf('both'))
    })
    expect([all, attempts]).toEqual([1, 3])
    expect(kept).toEqual(['one', 'two'])
    expect(await ids()).toEqual([anna.id, bob.id, carol.id])
  })

  it('is run again from its beginning where others are in the way of a batch every time', async () => {
    await writeUsers(database.knex, organizationId, [carol])
    let all = 0
    await inOne(async (store) => {
      all += 1
      await save(store, `one, ${all}`, [anna])
      await save(store, `two, ${all}`, [all < 3 ? buildUser({ slug: 'carol' }) : bob])
      return resultOf(chunkOf('both'))
    })
    expect(kept).toEqual(['one, 1', 'one, 2', 'one, 3', 'two, 3'])
    expect(await ids()).toEqual([anna.id, bob.id, carol.id])
  })

  it.each([
    // A transaction is not lost where others are in the way: the batch alone is tried again.
    ['late', '40001', 1],
    ['late', '53100', 3],
    ['soon', '57014', 3],
  ] as const)(
    'is run again where the server fails it, %s and by %s, %i times in all, and is stored once',
    async (when, state, times) => {
      await failing(when, state, 2)
      let all = 0
      const committed = await inOne(async (store) => {
        all += 1
        await save(store, `run ${all}`, [anna])
        return resultOf(chunkOf(`run ${all}`))
      })
      expect(committed).toBe(true)
      expect(all).toBe(times)
      expect(await ids()).toEqual([anna.id])
      expect(await texts()).toEqual([`run ${times}`])
      expect(await receipt()).toMatchObject({
        state: 'finished',
        ...ending,
        chunks: 1,
        counts: { created: 1 },
      })
    },
  )

  it('is never committed once it is asked to stop while its chunks are stored', async () => {
    const work = inOne(async (store) => {
      await save(store, 'one', [anna])
      async function* chunks(): AsyncGenerator<Chunk> {
        yield* inOrder(chunkOf('one'))
        running.stop(writer.id)
      }
      return { chunks: chunks(), ending: () => ending }
    })
    await expect(work).rejects.toMatchObject({ code: 'import.stopped' })
    expect([await ids(), await texts()]).toEqual([[], []])
    expect(await receipt()).toMatchObject({ state: 'running', chunks: 0 })
  })

  it('is never committed for an import that was ended by somebody else', async () => {
    await writer.abort({ code: 'process.died', detail: 'It has ended.' })
    const work = inOne(async (store) => {
      await save(store, 'one', [anna])
      return resultOf(chunkOf('one'))
    })
    await expect(work).rejects.toMatchObject({ code: 'import.lost' })
    expect(await ids()).toEqual([])
  })
})
