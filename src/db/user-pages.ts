import type { Knex } from 'knex'
import type { ListedUser, UserPages } from '../users/user-list.ts'
import { query, type ResultRow } from './query.ts'
import { SEPARATOR, valueTexts } from './user-sql.ts'

/**
 * A page of the table by its primary key, from a key on or after it; the organization is looked at afterwards, so
 * the last page may read some users of the next one for nothing. The planner must not know the key when it plans
 * (it does not look into the subqueries): for an organization that its statistics do not know it expects a row or
 * two, and then may take any index that begins with organization_id and sort the whole organization for each page.
 */
const page = (list: string, comparison: '>' | '>=', order = ''): string => `
  select ${list} from (
    select * from users
     where (organization_id, id) ${comparison} ((select ?::integer), (select ?::text))
     order by organization_id, id limit ?::integer
  ) u where organization_id = ?::integer ${order}`

const joinedList = valueTexts
  .map(({ database, text }) => `string_agg(${text}, E'\\x1f') as ${database}`)
  .join(', ')
const rowList = valueTexts.map(({ database, text }) => `${text} as ${database}`).join(', ')
const names = valueTexts.map(({ database }) => database)

/** The users of all organizations in PostgreSQL. A page is one statement, and nothing is held after it. */
export function createUserPages(knex: Knex): UserPages {
  return {
    page: async (organizationId, after, limit) => {
      const comparison = after === undefined ? '>=' : '>'
      const parameters = [organizationId, after ?? '', limit, organizationId]
      const [joined] = await query<Record<string, string | null>>(
        knex,
        page(joinedList, comparison),
        parameters,
      )
      const table = names.map((name) => joined?.[name]?.split(SEPARATOR) ?? [])
      const count = table[0]?.length ?? 0
      if (table.every(({ length }) => length === count)) return usersOf(table, count)
      // Somebody else gave a user a separator: they are read as they are.
      const rows = await query<ResultRow>(knex, page(rowList, comparison, 'order by id'), parameters)
      return rows.map((row) => names.map((name) => row[name] as string))
    },
  }
}

function usersOf(table: readonly (readonly string[])[], count: number): ListedUser[] {
  const users: ListedUser[] = []
  for (let user = 0; user < count; user += 1) users.push(table.map((column) => column[user] ?? ''))
  return users
}
