import type { Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'
import { ServiceError } from '../errors.ts'
import { columnNames } from '../users/columns.ts'
import { StoreRefusal, type KeySets, type UserDirectory, type Users } from '../users/user-directory.ts'
import { providerOf, providerPair, type StoredUser } from '../users/user.ts'
import { execute, query, type ResultRow } from './query.ts'
import { Turns } from './turns.ts'
import { asServiceError, isInTheWay, refusal, RowMoved, unreachable } from './trouble.ts'
import {
  findJoined,
  findRows,
  foundColumns,
  insertStatement,
  SEPARATOR,
  updateStatement,
} from './user-sql.ts'

// With one import at a time in an organization only writers from outside can be in the way.
const ATTEMPTS = 8

/** The users of all organizations in PostgreSQL. */
export function createUserDirectory(knex: Knex): UserDirectory {
  const turns = new Turns()
  return {
    transaction: (organizationId, work) =>
      turns.take(organizationId, () => retried(() => inTransaction(knex, organizationId, work))),

    hasUser: async (organizationId, id) => {
      // No stored id holds a NUL or a separator, and PostgreSQL takes no NUL.
      if (!/^[\w-]+$/.test(id)) return false
      const keys = { ids: [id], slugs: [], providers: [], emails: [] }
      return (await find(knex, organizationId, keys)).length > 0
    },
  }
}

const organizationGone = (): ServiceError =>
  new ServiceError('organization.unknown', 'The organization was deleted while its users were imported.')

function asRefusal(error: unknown): unknown {
  const rule = refusal(error)
  return rule === undefined ? error : new StoreRefusal(rule, { cause: error })
}

async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  for (let number = 1; ; number += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!isInTheWay(error)) throw asRefusal(error)
      if (number === ATTEMPTS) throw unreachable(error)
      await setTimeout(Math.random() * 2 ** number)
    }
  }
}

/**
 * The organization's row is locked until the commit, so the next import of the organization sees all of this
 * batch, and the organization can't be deleted under it. (A foreign key would ask that again for every user, at
 * a fifth of what storing him costs.)
 */
async function inTransaction<T>(
  knex: Knex,
  organizationId: number,
  work: (users: Users) => Promise<T>,
): Promise<T> {
  const trx = await begin(knex)
  try {
    const lock = 'select 1 from organizations where organization_id = ?::integer for no key update'
    if ((await query(trx, lock, [organizationId])).length === 0) throw organizationGone()
    const result = await work(usersIn(trx, organizationId))
    await commit(trx)
    return result
  } finally {
    // Of a transaction that is not committed nothing may stay, neither its writes nor its connection.
    if (!trx.isCompleted()) await trx.rollback().catch(() => undefined)
  }
}

async function begin(knex: Knex): Promise<Knex.Transaction> {
  try {
    return await knex.transaction()
  } catch (error) {
    throw asServiceError(error)
  }
}

async function commit(trx: Knex.Transaction): Promise<void> {
  try {
    await trx.commit()
    // commit() itself resolves even where COMMIT has failed; this is the promise that tells.
    await trx.executionPromise
  } catch (error) {
    throw asServiceError(error)
  }
}

function usersIn(trx: Knex, organizationId: number): Users {
  return {
    find: (keys) => find(trx, organizationId, keys),
    lockActiveOwners: () => lockActiveOwners(trx, organizationId),

    insert: async (users) => {
      const { sql, parameters } = insertStatement(organizationId, users)
      await query(trx, sql, parameters)
    },

    update: async (changes) => {
      const { sql, parameters } = updateStatement(organizationId, changes)
      if ((await execute(trx, sql, parameters)) !== changes.length) throw new RowMoved()
    },
  }
}

const joined = (keys: readonly string[]): string | null => (keys.length === 0 ? null : keys.join(SEPARATOR))

async function find(trx: Knex, organizationId: number, keys: KeySets): Promise<StoredUser[]> {
  const pairs = keys.providers.map(providerPair)
  const sets = [
    [keys.ids],
    [keys.slugs],
    [pairs.map(([type]) => type), pairs.map(([, id]) => id)],
    [keys.emails],
  ]
  const parameters = sets.flatMap((set) => [...set.map(joined), organizationId, organizationId])
  const [row] = await query<Record<string, string | null>>(trx, findJoined, parameters)
  const texts = foundColumns.map((name) => row?.[name] ?? undefined)
  if (texts[0] === undefined) return []
  const table = texts.map((text = '') => text.split(SEPARATOR))
  const count = table[0]?.length ?? 0
  if (table.some(({ length }) => length !== count)) return findOneByOne(trx, parameters)
  const users: StoredUser[] = []
  const seen = new Set<string>()
  for (let user = 0; user < count; user += 1) {
    const id = table[0]?.[user] ?? ''
    // One who has several of the keys was found by each of them.
    if (seen.has(id)) continue
    seen.add(id)
    users.push(storedUser((column) => table[column]?.[user] ?? ''))
  }
  return users
}

/** For users whom somebody else gave a separator: they are read as they are. */
async function findOneByOne(
  trx: Knex,
  parameters: readonly (string | number | null)[],
): Promise<StoredUser[]> {
  const rows = await query<ResultRow>(trx, findRows, parameters)
  return rows.map((row) => storedUser((column) => row[foundColumns[column] ?? ''] as string))
}

/** A user from the texts of his columns. The stored keys count, whoever wrote them; the pair is its own key. */
function storedUser(text: (column: number) => string): StoredUser {
  const values: string[] = []
  for (let column = 0; column < columnNames.length; column += 1) values.push(text(column))
  const slug = text(columnNames.length)
  const email = text(columnNames.length + 1)
  const keys = { slug: slug || undefined, provider: providerOf(values), email: email || undefined }
  return { id: values[0] ?? '', values, keys }
}

async function lockActiveOwners(trx: Knex, organizationId: number): Promise<number> {
  const sql = `
    select count(*)::integer as owners from (
      select active, status from users
       where organization_id = ?::integer and roles @> '{organization_owner}'
       order by id for update
    ) o where active and status <> 'suspended'`
  const [row] = await query<{ owners: number }>(trx, sql, [organizationId])
  return row?.owners ?? 0
}
