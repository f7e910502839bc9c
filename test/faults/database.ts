import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import { stateOf, storedColumns, type SeededRow, type StoredUser, type Values } from './stored-user.ts'

/** The name by which the service's connections are told from others. */
const SERVICE = 'rollcall'
const PAGE = 20_000
const PATIENCE = 60_000

/** A user as the driver reads him; what it makes of each column is what {@link Values} has. */
interface Row {
  readonly organization_id: number
  readonly id: string
  readonly email: string
  readonly slug: string | null
}

/** The database behind the proxy, seen directly: what is in its tables, and who is connected. */
export class DatabaseView {
  readonly #url: string
  #client: Client | undefined

  constructor(url: string) {
    this.#url = url
  }

  /** Runs a statement, on a new connection if the server has restarted; it waits until the server is there. */
  async query<T extends object>(sql: string, parameters: readonly unknown[] = []): Promise<readonly T[]> {
    const end = Date.now() + PATIENCE
    for (;;) {
      try {
        const client = (this.#client ??= await this.#connect())
        return (await client.query<T>(sql, [...parameters])).rows
      } catch (error) {
        await this.close()
        if (Date.now() > end || !isLost(error)) throw error
        await setTimeout(50)
      }
    }
  }

  async #connect(): Promise<Client> {
    const client = new Client({ connectionString: this.#url, application_name: 'oracle' })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => undefined)
  }

  /** Puts these users, and no others, into the table. */
  async seed(users: Iterable<SeededRow>): Promise<void> {
    await this.query('truncate users')
    let page: SeededRow[] = []
    for (const user of users) {
      page.push(user)
      if (page.length === PAGE) await this.#insert(page.splice(0))
    }
    if (page.length > 0) await this.#insert(page)
    page = []
    // a table of production has statistics, too
    await this.query('analyze users')
  }

  async #insert(users: readonly SeededRow[]): Promise<void> {
    const names = ['organization_id', 'id', ...storedColumns, 'slug_key', 'email_key']
    const rows = users.map(({ organization, id, values }) => ({
      ...full(values),
      organization_id: organization,
      id,
      slug_key: values['slug'] ?? null,
      email_key: values['email'],
    }))
    await this.query(
      `insert into users (${names.join()})
       select ${names.join()} from jsonb_populate_recordset(null::users, $1::text::jsonb)`,
      [JSON.stringify(rows)],
    )
  }

  /** All users of all organizations, in pages. */
  async *pages(): AsyncGenerator<readonly StoredUser[]> {
    let after: readonly [number, string] = [0, '']
    for (;;) {
      const rows = await this.query<Row>(
        `select organization_id, id, ${storedColumns.join()} from users
          where (organization_id, id) > ($1, $2) order by organization_id, id limit ${PAGE}`,
        after,
      )
      yield rows.map((row) => ({
        organization: row.organization_id,
        id: row.id,
        state: stateOf({ ...row }),
        email: row.email,
        slug: row.slug,
      }))
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE) return
      after = [last.organization_id, last.id]
    }
  }

  async count(): Promise<number> {
    const [row] = await this.query<{ count: string }>('select count(*) from users')
    return Number(row?.count)
  }

  /** The server's time, as text without loss. */
  async now(): Promise<string> {
    const [row] = await this.query<{ now: string }>('select clock_timestamp()::text as now')
    return row?.now ?? ''
  }

  /**
   * What connections of the service hold now: a transaction, a lock other than advisory ones.
   *
   * @param lost - a time before which all connections of the service were lost: then none of them may be there
   */
  async held(lost?: string): Promise<readonly string[]> {
    const rows = await this.query<{ what: string }>(
      `select 'a connection that is ' || coalesce(state, '') || ': ' || left(query, 60) as what
         from pg_stat_activity
        where datname = current_database() and application_name = '${SERVICE}' and pid <> pg_backend_pid()
          and (state <> 'idle' or xact_start is not null or backend_start < $1::timestamptz)
       union all
       select 'a lock on ' || l.locktype || ' ' || coalesce(l.relation::regclass::text, '')
         from pg_locks l join pg_stat_activity a using (pid)
        where a.datname = current_database() and a.application_name = '${SERVICE}'
          and l.locktype not in ('advisory', 'virtualxid')
       union all
       select 'a prepared transaction ' || gid from pg_prepared_xacts`,
      [lost ?? '-infinity'],
    )
    return rows.map(({ what }) => what)
  }
}

/** `jsonb_populate_recordset` gives null where nothing is said, so everything is. */
function full(values: Values): Values {
  const state = JSON.parse(stateOf(values)) as (string | boolean | string[] | null)[]
  return Object.fromEntries(storedColumns.map((column, index) => [column, state[index] ?? null]))
}

/** Whether an error is of the connection, or of a server that is just starting or stopping. */
function isLost(error: unknown): boolean {
  const {
    code = '',
    severity,
    message = '',
  } = error as { code?: string; severity?: string; message?: string }
  if (severity !== undefined) return code.startsWith('57P') || code.startsWith('08')
  return /^E[A-Z]+$/.test(code) || /terminated|closed|not queryable/i.test(message)
}
