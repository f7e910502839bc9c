import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { PostgresServer } from '../support/postgres-server.ts'
import type { Copy } from './files.ts'

/** Runs commands with psql. @returns what they print, unaligned and without headers */
export async function psql(
  server: PostgresServer,
  signal: AbortSignal,
  ...commands: string[]
): Promise<string> {
  const args = ['-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', server.url]
  for (const command of commands) args.push('-c', command)
  const { stdout } = await promisify(execFile)(join(server.programs, 'psql'), args, { signal })
  return stdout.trim()
}

/** Makes the table for `\copy`: the columns, defaults and indexes of `users`, but no foreign key. */
export async function makeCopyTable(server: PostgresServer, signal: AbortSignal): Promise<void> {
  await psql(server, signal, 'create table users_copy (like users including all)')
}

/** Lets PostgreSQL write down what earlier steps left, so that no step pays for another. */
export async function checkpoint(server: PostgresServer, signal: AbortSignal): Promise<void> {
  await psql(server, signal, 'checkpoint')
}

/** @returns the seconds that `\copy` takes, without the start of psql */
export async function copySeconds(
  server: PostgresServer,
  { file, columns }: Copy,
  signal: AbortSignal,
): Promise<number> {
  const copy = `\\copy users_copy (${columns.join(', ')}) from '${file}' with (format csv, header)`
  const timed = await psql(server, signal, '\\timing on', copy)
  const milliseconds = Number(/Time: ([\d.]+) ms/.exec(timed)?.[1])
  if (!(milliseconds > 0)) throw new Error(`psql told no time: ${timed}`)
  return milliseconds / 1000
}

/** The number of rows of a table and a sum over everything in them but the ids, which are drawn by chance. */
export async function fingerprint(
  server: PostgresServer,
  table: string,
  columns: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const values = columns.filter((column) => column !== 'id').join(', ')
  const sum = `sum(hashtextextended(row(${values})::text, 0))`
  return psql(server, signal, `select count(*), coalesce(${sum}, 0) from ${table}`)
}

/** How many users were changed after they were created. */
export async function changedUsers(server: PostgresServer, signal: AbortSignal): Promise<number> {
  return Number(await psql(server, signal, 'select count(*) from users where updated_at > created_at'))
}
