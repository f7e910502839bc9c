import type { Knex } from 'knex'
import { columnNames } from '../users/columns.ts'
import type { KeySets, Users } from '../users/user-directory.ts'
import { providerOf, providerPair, type StoredUser } from '../users/user.ts'
import { execute, query, type Parameter, type ResultRow } from './query.ts'
import { RowDropped, RowMoved } from './trouble.ts'
import {
  findJoined,
  findRows,
  foundColumns,
  insertStatement,
  SEPARATOR,
  updateStatement,
} from './user-sql.ts'

/** The users of one organization within a transaction. */
export function usersIn(trx: Knex, organizationId: number): Users {
  return {
    find: (keys) => find(trx, organizationId, keys),
    lockActiveOwners: () => lockActiveOwners(trx, organizationId),

    insert: async (users) => {
      const { sql, parameters } = insertStatement(organizationId, users)
      if ((await execute(trx, sql, parameters)) !== users.length) throw new RowDropped()
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
async function findOneByOne(trx: Knex, parameters: readonly Parameter[]): Promise<StoredUser[]> {
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
