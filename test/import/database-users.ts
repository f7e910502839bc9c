import type { Knex } from 'knex'
import { columnNames, columns } from '../../src/users/columns.ts'
import type { AnnotatedRow } from '../../src/import/row.ts'
import type { StoredUser } from '../../src/users/user.ts'
import type { BatchStore } from '../../src/users/user-directory.ts'
import { chunkOf, newImport, receiptsIn, writerOf } from '../support/receipt-store.ts'
import type { Stores } from './builders.ts'
import type { StoredMember } from './member-cases.ts'

let organizations = 0

/** Makes an organization that nobody else has. */
export async function addOrganization(knex: Knex): Promise<number> {
  organizations += 1
  const [made] = await knex('organizations')
    .insert({ slug: `organization-${organizations}` })
    .returning('organization_id')
  return made.organization_id
}

/** Stores the batches of imports in the database, each with a chunk; the records that tests look at are the rows. */
export function databaseStores(knex: Knex): Stores {
  const receipts = receiptsIn(knex)
  return {
    store: async (organizationId): Promise<BatchStore<readonly AnnotatedRow[]>> => {
      const { store } = await writerOf(receipts, newImport(organizationId))
      return {
        save: async (work) => {
          const saved = await store.save(async (users) => ({ batch: await work(users), record: chunkOf('') }))
          return saved.batch
        },
      }
    },
  }
}

/** Writes users as somebody else would who knows the table: with knex's own insert. */
export async function writeUsers(
  knex: Knex,
  organizationId: number,
  users: readonly StoredUser[],
): Promise<void> {
  if (users.length === 0) return
  await knex('users').insert(
    users.map(({ values, keys }) => ({
      organization_id: organizationId,
      slug_key: keys.slug ?? null,
      email_key: keys.email,
      ...Object.fromEntries(
        columns.map((column, index) => [column.database, sqlValue(column.type, values[index])]),
      ),
    })),
  )
}

function sqlValue(type: string, value = ''): unknown {
  if (type === 'boolean') return value === 'TRUE'
  if (type === 'text[]') return value === '' ? [] : value.split(',')
  return value === '' ? null : value
}

/** The users of an organization as they stand in the table, in the order of the columns, as canonical text. */
export async function storedUsers(knex: Knex, organizationId: number): Promise<string[][]> {
  const rows: Record<string, unknown>[] = await knex('users')
    .where({ organization_id: organizationId })
    .orderBy('id')
  return rows.map((row) => columns.map(({ database }) => textOf(row[database])))
}

/** The users of an organization as they stand in the table, by column, with what only creation stores. */
export async function storedMembers(knex: Knex, organizationId: number): Promise<StoredMember[]> {
  const rows: Record<string, unknown>[] = await knex('users').where({ organization_id: organizationId })
  return rows.map((row) => ({
    ...byColumn(columns.map(({ database }) => textOf(row[database]))),
    recoveryEmail: textOf(row['recovery_email']),
    isMfaDisabled: textOf(row['is_mfa_disabled']),
  }))
}

/** The keys of the users of an organization by id: slug_key and email_key. */
export async function storedKeys(knex: Knex, organizationId: number): Promise<Record<string, unknown>> {
  const rows = await knex('users').where({ organization_id: organizationId }).orderBy('id')
  return Object.fromEntries(rows.map((row) => [row.id, [row.slug_key, row.email_key]]))
}

function textOf(value: unknown): string {
  if (value === null) return ''
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE'
  if (Array.isArray(value)) return value.join(',')
  if (typeof value !== 'string') throw new TypeError('a column of users is text, boolean or text[]')
  return value
}

/** The values of a user by column, out of a line of {@link storedUsers}. */
export const byColumn = (values: readonly string[]): Record<string, string> =>
  Object.fromEntries(columnNames.flatMap((name, index) => (values[index] ? [[name, values[index]]] : [])))
