import { columns, type Column, type ColumnName } from '../users/columns.ts'
import type { UserToStore } from '../users/user-directory.ts'

/** Joins values on their way to and from PostgreSQL. No cell holds it: it is a control character. */
export const SEPARATOR = '\u001F'

/** One column of the table, where its values come from and how they are read back as canonical text. */
interface Stored {
  readonly database: string
  readonly type: Column['type']
  readonly value: (user: UserToStore) => string
}

const contractColumns = columns.map(({ database, type }, index): Stored => ({
  database,
  type,
  value: ({ values }) => values[index] ?? '',
}))

const keyColumns: readonly Stored[] = [
  { database: 'slug_key', type: 'text', value: ({ keys }) => keys.slug ?? '' },
  { database: 'email_key', type: 'text', value: ({ keys }) => keys.email ?? '' },
]

const storedColumns = [...contractColumns, ...keyColumns]

const readers: Readonly<Record<Column['type'], (name: string) => string>> = {
  text: (name) => `coalesce(u.${name}, '')`,
  boolean: (name) => `case when u.${name} then 'TRUE' else 'FALSE' end`,
  'text[]': (name) => `array_to_string(u.${name}, ',')`,
}

/** Every stored column as an expression of canonical text, in the order in which a user is read. */
const texts = storedColumns.map(({ database, type }) => ({ database, text: readers[type](database) }))

/** The users who have any of four sets of keys. `offset 0` keeps it an index scan per key on every table. */
const foundUsers = (aggregate: (text: string) => string): string => `
  select ${texts.map(({ database, text }) => `${aggregate(text)} as ${database}`).join(', ')}
    from (
      select u.* from unnest(string_to_array(?::text, E'\\x1f')) k (v) cross join lateral (
        select * from users where organization_id = ?::integer and id = k.v offset 0) u
      union all
      select u.* from unnest(string_to_array(?::text, E'\\x1f')) k (v) cross join lateral (
        select * from users where organization_id = ?::integer and slug_key = k.v offset 0) u
      union all
      select u.* from unnest(string_to_array(?::text, E'\\x1f'), string_to_array(?::text, E'\\x1f')) k (t, v)
        cross join lateral (
          select * from users where organization_id = ?::integer and provider_type = k.t
            and provider_id = k.v offset 0) u
      union all
      select u.* from unnest(string_to_array(?::text, E'\\x1f')) k (v) cross join lateral (
        select * from users where organization_id = ?::integer and email_key = k.v offset 0) u
    ) u`

/** One row with a joined string per column: a twentieth of the cost of a row per user. */
export const findJoined = foundUsers((text) => `string_agg(${text}, E'\\x1f')`)

/** A row per user, for users whom somebody else gave a separator. */
export const findRows = foundUsers((text) => text)

/** The names of the columns of both, in order. */
export const foundColumns: readonly string[] = texts.map(({ database }) => database)

/** A statement with its parameters. */
export interface Statement {
  readonly sql: string
  readonly parameters: readonly (string | number)[]
}

/**
 * A column of many users as part of a statement: where all have the same value, one parameter; else a joined
 * string that PostgreSQL takes apart. Blank is null.
 */
interface Source {
  readonly database: string
  readonly joined: string | undefined
  readonly constant: string
  readonly type: Column['type']
}

function sourceOf({ database, type, value }: Stored, users: readonly UserToStore[]): Source {
  const constant = users[0] === undefined ? '' : value(users[0])
  const isConstant = users.every((user) => value(user) === constant)
  const joined = isConstant ? undefined : users.map(value).join(SEPARATOR)
  return { database, joined, constant, type }
}

/** The value of a column in the select list: `t` holds the joined ones. */
function selected({ database, joined, type }: Source): string {
  const text = joined === undefined ? `nullif(?::text, '')` : `t.${database}`
  return type === 'text[]' ? `string_to_array(${text}, ',')` : `${text}::${type}`
}

function parametersOf(sources: readonly Source[]): string[] {
  return sources.filter(({ joined }) => joined === undefined).map(({ constant }) => constant)
}

function unnested(sources: readonly Source[]): { sql: string; parameters: readonly string[] } {
  const joined = sources.filter((source) => source.joined !== undefined)
  const arrays = joined.map(() => `string_to_array(?::text, E'\\x1f', '')`)
  return {
    sql: `unnest(${arrays.join(', ')}) t (${joined.map(({ database }) => database).join(', ')})`,
    parameters: joined.map((source) => source.joined ?? ''),
  }
}

/** Inserts users; only columns that hold a value for one of them are named. */
export function insertStatement(organizationId: number, users: readonly UserToStore[]): Statement {
  const sources = storedColumns
    .map((column) => sourceOf(column, users))
    .filter(({ joined, constant }) => joined !== undefined || constant !== '')
  return selectOver(sources, users.length, (list, from) => ({
    sql: `insert into users (organization_id, ${sources.map(({ database }) => database).join(', ')})
          select ?::integer, ${list} from ${from}`,
    before: [organizationId],
    after: [],
  }))
}

/**
 * Updates columns of users. Each is looked up by its key and updated by its place (`ctid`): joined to the table,
 * the planner would read all of it for every batch where it takes the batch for small or has no statistics yet.
 * A row that another writer moves in between is left out, so the number of updated rows has to be checked.
 */
export function updateStatement(
  organizationId: number,
  users: readonly UserToStore[],
  changed: readonly ColumnName[],
): Statement {
  const names = new Set<string>(
    columns.filter(({ name }) => changed.includes(name)).map(({ database }) => database),
  )
  if (names.has('slug')) names.add('slug_key')
  if (names.has('email')) names.add('email_key')
  const sources = storedColumns
    .filter(({ database }) => database === 'id' || names.has(database))
    .map((column) => sourceOf(column, users))
  return selectOver(sources, users.length, (list, from) => ({
    sql: `
      update users u set ${[...names].map((name) => `${name} = s.${name}`).join(', ')}, updated_at = now()
        from (select ${list} from ${from} offset 0) s (${sources.map(({ database }) => database).join(', ')})
        cross join lateral (
          select ctid as place from users where organization_id = ?::integer and id = s.id offset 0) f
       where u.ctid = f.place and u.organization_id = ?::integer`,
    before: [],
    after: [organizationId, organizationId],
  }))
}

function selectOver(
  sources: readonly Source[],
  users: number,
  statement: (
    list: string,
    from: string,
  ) => { sql: string; before: readonly number[]; after: readonly number[] },
): Statement {
  // A single user makes every column a constant: then there is nothing to take apart.
  const from = sources.every(({ joined }) => joined === undefined)
    ? { sql: `generate_series(1, ${users}) t`, parameters: [] }
    : unnested(sources)
  const { sql, before, after } = statement(sources.map(selected).join(', '), from.sql)
  return { sql, parameters: [...before, ...parametersOf(sources), ...from.parameters, ...after] }
}
