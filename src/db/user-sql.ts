import { columns, creationColumns, type Column, type ColumnName } from '../users/columns.ts'
import { defaultOf } from '../users/grants.ts'
import type { UserChange, UserToStore } from '../users/user-directory.ts'

/** Joins values on their way to and from PostgreSQL. No cell holds it: it is a control character. */
export const SEPARATOR = '\u001F'

/** One column of the table and where its values come from. */
interface Written {
  readonly database: string
  readonly type: Column['type']
  readonly value: (user: UserToStore) => string
}

/** A column that is also read back, as canonical text, and updated. */
interface Stored extends Written {
  /** The contract's column that it comes from. */
  readonly from: ColumnName
}

const contractColumns = columns.map(({ name, database, type }, index): Stored => ({
  database,
  from: name,
  type,
  value: ({ values }) => values[index] ?? '',
}))

const keyColumns: readonly Stored[] = [
  { database: 'slug_key', from: 'slug', type: 'text', value: ({ keys }) => keys.slug ?? '' },
  { database: 'email_key', from: 'email', type: 'text', value: ({ keys }) => keys.email ?? '' },
]

const storedColumns = [...contractColumns, ...keyColumns]

const insertedColumns: readonly Written[] = [
  ...storedColumns,
  ...creationColumns.map((column, index): Written => ({
    database: column.database,
    type: column.type,
    value: ({ onCreation }) => onCreation?.[index] || defaultOf(column),
  })),
]

const readers: Readonly<Record<Column['type'], (name: string) => string>> = {
  text: (name) => `coalesce(u.${name}, '')`,
  boolean: (name) => `case when u.${name} then 'TRUE' else 'FALSE' end`,
  'text[]': (name) => `array_to_string(u.${name}, ',')`,
}

/** Every stored column as an expression of canonical text, in the order in which a user is read. */
const texts = storedColumns.map(({ database, type }) => ({ database, text: readers[type](database) }))

/** Those of them that the contract names: the values of a user `u`. */
export const valueTexts = texts.slice(0, contractColumns.length)

/**
 * A user of the organization by a key, `k`, as the first that is not before it in the order of the key's index.
 * By plain equality the planner may take any index that begins with organization_id, and read a whole
 * organization for each key: it does so while its statistics do not know the organization yet.
 */
function seek(alias: string, read: string, key: readonly string[], values: readonly string[]): string {
  const order = ['organization_id', ...key].join(', ')
  const last = key.at(-1) ?? ''
  return `
    cross join lateral (
      select ${read} from users
       where (${order}) >= (?::integer, ${values.join(', ')}) and ${last} is not null
       order by ${order} limit 1
    ) ${alias}`
}

/** Whether what was sought was found: the organization as a parameter, then the key. */
const sought = (alias: string, key: readonly string[], values: readonly string[]): string =>
  [
    `${alias}.organization_id = ?::integer`,
    ...key.map((name, index) => `${alias}.${name} = ${values[index] ?? ''}`),
  ].join(' and ')

const keysOfUsers: readonly (readonly string[])[] = [
  ['id'],
  ['slug_key'],
  ['provider_type', 'provider_id'],
  ['email_key'],
]

/** The users who have any of four sets of keys; each set takes its joined strings, then twice the organization. */
const foundUsers = (aggregate: (text: string) => string): string => `
  select ${texts.map(({ database, text }) => `${aggregate(text)} as ${database}`).join(', ')}
    from (${keysOfUsers.map(usersWith).join(' union all ')}) u`

function usersWith(key: readonly string[]): string {
  const joined = key.map(() => `string_to_array(?::text, E'\\x1f')`).join(', ')
  const values = key.map((name) => `k.${name}`)
  return `
    select u.* from unnest(${joined}) k (${key.join(', ')})
    ${seek('u', '*', key, values)} where ${sought('u', key, values)}`
}

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

function sourceOf<T>(
  { database, type }: Pick<Written, 'database' | 'type'>,
  rows: readonly T[],
  value: (row: T) => string,
): Source {
  const constant = rows[0] === undefined ? '' : value(rows[0])
  const isConstant = rows.every((row) => value(row) === constant)
  const joined = isConstant ? undefined : rows.map(value).join(SEPARATOR)
  return { database, joined, constant, type }
}

/** The text of a column in the select list: `t` holds the joined ones. */
const textOf = ({ database, joined }: Source): string =>
  joined === undefined ? `nullif(?::text, '')` : `t.${database}`

const typed = (text: string, type: Column['type']): string =>
  type === 'text[]' ? `string_to_array(${text}, ',')` : `${text}::${type}`

function parametersOf(sources: readonly Source[]): string[] {
  return sources.filter(({ joined }) => joined === undefined).map(({ constant }) => constant)
}

function unnested(sources: readonly Source[]): { sql: string; parameters: readonly string[] } {
  const joined = sources.filter((source) => source.joined !== undefined)
  const lists = joined.map(({ database }) => `unnest(string_to_array(?::text, E'\\x1f', '')) as ${database}`)
  return {
    // As a list and not after `from`, where PostgreSQL writes all values of each column down before it reads the first.
    sql: `(select ${lists.join(', ')}) t`,
    parameters: joined.map((source) => source.joined ?? ''),
  }
}

/** What the statements select from. A single row makes every column a constant: then nothing is taken apart. */
function fromOf(sources: readonly Source[], rows: number): { sql: string; parameters: readonly string[] } {
  return sources.every(({ joined }) => joined === undefined)
    ? { sql: `generate_series(1, ${rows}) t`, parameters: [] }
    : unnested(sources)
}

/** Inserts users; only columns that hold a value for one of them are named. */
export function insertStatement(organizationId: number, users: readonly UserToStore[]): Statement {
  // Most imports say nothing of the columns that only creation stores: there the defaults of the table do.
  const named = users.some(({ onCreation }) => onCreation !== undefined) ? insertedColumns : storedColumns
  const sources = named
    .map((column) => sourceOf(column, users, column.value))
    .filter(({ joined, constant }) => joined !== undefined || constant !== '')
  const from = fromOf(sources, users.length)
  const list = sources.map((source) => typed(textOf(source), source.type))
  return {
    sql: `insert into users (organization_id, ${sources.map(({ database }) => database).join(', ')})
          select ?::integer, ${list.join(', ')} from ${from.sql}`,
    parameters: [organizationId, ...parametersOf(sources), ...from.parameters],
  }
}

// Stands for a value that a row leaves as it is, whoever may have changed it since it was read. No cell holds it.
const KEEP = '\u001E'

/**
 * Updates of each user just what changed of him. He is looked up by his key and updated by his place (`ctid`):
 * joined to the table, the planner would read all of it for every batch where it takes the batch for small or
 * has no statistics yet. No more of him is read than says who he is: an update carries along, for every row, all that
 * what it is joined to has. A user whom another writer moves in between is left out, so the number of updated rows has
 * to be checked.
 */
export function updateStatement(organizationId: number, changes: readonly UserChange[]): Statement {
  const sources = storedColumns
    .map((column) =>
      sourceOf(column, changes, ({ user, changed }) => (isSet(column, changed) ? column.value(user) : KEEP)),
    )
    .filter(({ joined, constant }) => joined !== undefined || constant !== KEEP)
  const from = fromOf(sources, changes.length)
  return {
    sql: `
      update users u set ${sources.filter(isNotId).map(assignment).join(', ')}, updated_at = now()
        from (select ${sources.map(textOf).join(', ')} from ${from.sql} offset 0)
             s (${sources.map(({ database }) => database).join(', ')})
        ${seek('f', 'ctid as place, organization_id, id', ['id'], ['s.id'])}
       where ${sought('f', ['id'], ['s.id'])} and u.ctid = f.place`,
    parameters: [...parametersOf(sources), ...from.parameters, organizationId, organizationId],
  }
}

/** The id says which user is meant; a key is set with the column that it comes from. */
function isSet({ database, from }: Stored, changed: readonly ColumnName[]): boolean {
  return database === 'id' || changed.includes(from)
}

const isNotId = ({ database }: Source): boolean => database !== 'id'

function assignment({ database, type }: Source): string {
  const value = typed(`s.${database}`, type)
  return `${database} = case s.${database} when E'\\x1e' then u.${database} else ${value} end`
}
