import type { Knex } from 'knex'
import { asServiceError } from './trouble.ts'

/** A row of a result, as `pg` gives it. */
export type ResultRow = Readonly<Record<string, unknown>>

/** What a statement takes as a parameter; a Buffer for `bytea`. */
export type Parameter = string | number | boolean | Buffer | null

/**
 * Runs one statement, its parameters marked by `?`.
 *
 * @throws ServiceError `database.unreachable` If the connection is lost, or the server is in trouble
 */
export async function query<T extends ResultRow>(
  knex: Knex,
  sql: string,
  parameters: readonly Parameter[] = [],
): Promise<readonly T[]> {
  return (await run(knex, sql, parameters)).rows as readonly T[]
}

/** Runs one statement as {@link query} does; returns how many rows it wrote. */
export async function execute(knex: Knex, sql: string, parameters: readonly Parameter[]): Promise<number> {
  return (await run(knex, sql, parameters)).rowCount
}

async function run(knex: Knex, sql: string, parameters: readonly Parameter[]) {
  try {
    return await knex.raw<{ rows: readonly ResultRow[]; rowCount: number }>(
      sql,
      parameters as Knex.RawBinding[],
    )
  } catch (error) {
    throw asServiceError(error)
  }
}

/** Runs a statement of a library's as {@link query} does, its parameters marked by `$1` and so on. */
export async function queryNumbered(
  knex: Knex,
  sql: string,
  parameters: readonly Parameter[],
): Promise<readonly ResultRow[]> {
  const inOrder: Parameter[] = []
  const unnumbered = sql.replace(/\$(\d+)/g, (_, number: string) => {
    inOrder.push(parameters[Number(number) - 1] ?? null)
    return '?'
  })
  return query(knex, unnumbered, inOrder)
}

/** @throws ServiceError `database.unreachable` If the database does not answer */
export async function ping(knex: Knex): Promise<void> {
  await query(knex, 'select 1')
}
