import type { Knex } from 'knex'
import PgBoss from 'pg-boss'
import { execute, queryNumbered, type Parameter, type ResultRow } from './query.ts'

const TURNS = 'turns'

/** Whether an organization stands in line, as far as others can see. */
export const standsInLine = (organizationId: string): string => `
  exists (select 1 from pgboss.job e
           where e.name = '${TURNS}' and e.state = 'created' and e.singleton_key = (${organizationId})::text)`

/**
 * Whose turn it is. An organization whose jobs wait has one entry, however many they are; when one of its jobs has
 * ended it stands at the end of the line again. So nobody waits for the jobs of another organization.
 */
export class TurnQueue {
  readonly #boss: PgBoss

  /** @param knex - where pg-boss has its tables */
  constructor(knex: Knex) {
    // Entries live for moments, in transactions of ours: nothing has to be supervised.
    this.#boss = new PgBoss({ db: executing(knex), supervise: false, schedule: false })
    // It reports by rejecting too.
    this.#boss.on('error', () => undefined)
  }

  /** Puts an organization at the end of the line, if it does not stand there already. */
  async add(trx: Knex, organizationId: number): Promise<void> {
    await this.#boss.send(TURNS, {}, { singletonKey: String(organizationId), db: executing(trx) })
  }

  /** Puts many organizations there at once. */
  async addAll(trx: Knex, organizationIds: readonly number[]): Promise<void> {
    const entries = organizationIds.map((id) => ({ name: TURNS, singletonKey: String(id) }))
    if (entries.length > 0) await this.#boss.insert(entries, { db: executing(trx) })
  }

  /** Takes the organization whose turn it is out of the line. Until the transaction ends, no other process gets it. */
  async next(trx: Knex): Promise<number | undefined> {
    const db = executing(trx)
    let failure: unknown
    // It takes every error for a collision, and says that there is nothing.
    const telling = {
      executeSql: async (text: string, values: unknown[]) => {
        try {
          return await db.executeSql(text, values)
        } catch (error) {
          failure = error
          throw error
        }
      },
    }
    const [entry] = await this.#boss.fetch(TURNS, { includeMetadata: true, batchSize: 1, db: telling })
    if (failure !== undefined) throw failure as Error
    if (entry === undefined) return undefined
    await this.#boss.deleteJob(TURNS, entry.id, { db })
    return Number(entry.singletonKey)
  }

  /** Takes an organization out of the line, wherever it stands. */
  async leave(knex: Knex, organizationId: number): Promise<void> {
    const sql = `delete from pgboss.job where name = '${TURNS}' and state = 'created' and singleton_key = ?::text`
    await execute(knex, sql, [String(organizationId)])
  }
}

/** Makes pg-boss's tables, or brings them up to date, within a transaction: one process after the other. */
export async function installQueue(trx: Knex.Transaction): Promise<void> {
  const own = executing(trx)
  // Its scripts bring a transaction of their own along.
  const within = (text: string): string => text.replace(/^\s*(?:begin|commit);/gim, '')
  const db = { executeSql: (text: string, values: unknown[]) => own.executeSql(within(text), values) }
  const boss = new PgBoss({ db, supervise: false, schedule: false })
  boss.on('error', () => undefined)
  await boss.start()
  await boss.createQueue(TURNS, { name: TURNS, policy: 'short' })
}

/** Runs pg-boss's statements on a connection or in a transaction of knex. */
function executing(knex: Knex): PgBoss.Db {
  return {
    executeSql: async (text: string, values: readonly unknown[] | undefined) => {
      const parameters = (values ?? []).map(asParameter)
      // Several statements at once, which make its tables, give no rows.
      const rows = (await queryNumbered(knex, text, parameters)) as readonly ResultRow[] | undefined
      return { rows: [...(rows ?? [])] }
    },
  }
}

/** Objects stand for JSON; knex would look for what is undefined in them. */
function asParameter(value: unknown): Parameter {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? JSON.stringify(value) : ((value ?? null) as Parameter)
}
