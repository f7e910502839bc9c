import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { Knex } from 'knex'
import type { Database } from '../../src/db/database.ts'
import { findJoined, SEPARATOR, updateStatement } from '../../src/db/user-sql.ts'
import { columnIndex } from '../../src/users/columns.ts'
import { buildUser, idOf } from '../import/builders.ts'
import { openTestDatabase } from '../support/database.ts'

const count = 4_000
const newcomer = 20_000
// Sought by its index a key costs one tuple, and when it is written another by its place.
const perKey = 4
// To plan a statement the server reads some tuples at the end of an index that has grown since it was analyzed.
const toPlan = 50

const allowed = (keys: number): number => toPlan + perKey * keys

/** Users with every key, as somebody else writes many. `first` and `step` say to which organizations. */
async function fill(knex: Knex, users: number, first: number, step: 0 | 1): Promise<void> {
  await knex.raw(
    `insert into users (organization_id, id, slug, slug_key, provider_type, provider_id, email, email_key)
     select ?::integer + n * ?::integer, rpad('u' || n, 36, '_'), 's-' || n, 's-' || n, 'Google', 'p-' || n,
            'u-' || n || '@example.com', 'u-' || n || '@example.com'
       from generate_series(0, ?::integer - 1) n`,
    [first, step, users],
  )
}

/** How many tuples of users, and entries of its indexes, the session has read in this transaction. */
async function readSoFar(trx: Knex): Promise<number> {
  const { rows } = await trx.raw<{ rows: { tuples: number; entries: number }[] }>(`
    select (seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as tuples,
           (select sum(pg_stat_get_xact_tuples_returned(indexrelid))::integer
              from pg_index where indrelid = 'users'::regclass) as entries
      from pg_stat_xact_user_tables where relname = 'users'`)
  return Math.max(rows[0]!.tuples, rows[0]!.entries)
}

/** What a piece of work reads, and gives. */
async function measured<T>(trx: Knex, work: () => Promise<T>): Promise<{ read: number; result: T }> {
  const before = await readSoFar(trx)
  const result = await work()
  return { read: (await readSoFar(trx)) - before, result }
}

// The first, the last, and those in between.
const known = Array.from({ length: 100 }, (_, index) => Math.floor((index * (count - 1)) / 99))
const nobody = Array.from({ length: 100 }, (_, index) => 1_000_000 + index)

const joined = (numbers: readonly number[], key: (number: number) => string): string | null =>
  numbers.length === 0 ? null : numbers.map(key).join(SEPARATOR)

/** The parameters of a look-up, as the directory makes them. */
function parametersOf(kind: string, numbers: readonly number[], organizationId: number) {
  const of = (name: string): readonly number[] => (kind === name || kind === 'all' ? numbers : [])
  const sets = [
    [joined(of('id'), (number) => idOf(`u${number}`))],
    [joined(of('slug'), (number) => `s-${number}`)],
    [joined(of('provider'), () => 'Google'), joined(of('provider'), (number) => `p-${number}`)],
    [joined(of('email'), (number) => `u-${number}@example.com`)],
  ]
  return sets.flatMap((set) => [...set, organizationId, organizationId]) as Knex.RawBinding[]
}

const statistics: readonly [string, (knex: Knex) => Promise<void>][] = [
  ['one organization of thousands of users', (knex) => fill(knex, count, 1, 0)],
  ['thousands of organizations of one user', (knex) => fill(knex, count, 1, 1)],
  ['an empty table', () => Promise.resolve()],
]

describe.each(statistics)(
  'in an organization of which statistics, of %s, do not know',
  (_what, fillFirst) => {
    let database: Database
    let knex: Knex

    beforeEach(async () => {
      database = await openTestDatabase()
      knex = database.knex
      // The server itself must not learn of the newcomer in the middle.
      await knex.raw('alter table users set (autovacuum_enabled = false)')
      await fillFirst(knex)
      await knex.raw('vacuum analyze users')
      await fill(knex, count, newcomer, 0)
    })
    afterEach(() => database.close())

    it('look-ups by every kind of key read what they look for, and not the organization', async () => {
      await knex.transaction(async (trx) => {
        for (const kind of ['id', 'slug', 'provider', 'email', 'all']) {
          const kinds = kind === 'all' ? 4 : 1
          for (const numbers of [known, nobody, known.slice(0, 1)]) {
            const parameters = parametersOf(kind, numbers, newcomer)
            const { read, result } = await measured(trx, () => trx.raw(findJoined, parameters))
            const found = result.rows[0].id?.split(SEPARATOR).length ?? 0
            expect([kind, found]).toEqual([kind, numbers === nobody ? 0 : kinds * numbers.length])
            expect(read).toBeLessThanOrEqual(allowed(kinds * numbers.length))
            expect(read).toBeGreaterThan(0)
          }
        }
      })
    })

    it('updates read whom they update, and not the organization', async () => {
      await knex.transaction(async (trx) => {
        for (const numbers of [known, known.slice(0, 1)]) {
          const changes = numbers.map((number) => {
            const user = buildUser({
              id: idOf(`u${number}`),
              givenName: `Given ${number}`,
              slug: `t-${number}`,
            })
            return { user, changed: ['givenName', 'slug'] as const }
          })
          const { sql, parameters } = updateStatement(newcomer, changes)
          const bindings = parameters as Knex.RawBinding[]
          const { read, result } = await measured(trx, () => trx.raw(sql, bindings))
          expect(result.rowCount).toBe(numbers.length)
          expect(read).toBeLessThanOrEqual(allowed(numbers.length))
          expect(read).toBeGreaterThan(0)
          const named = changes.map(({ user }) => user.values[columnIndex.givenName]!)
          const stored = await trx('users').where({ organization_id: newcomer }).whereIn('given_name', named)
          expect(stored).toHaveLength(numbers.length)
        }
      })
    })
  },
)
