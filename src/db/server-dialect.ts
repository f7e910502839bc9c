import PostgresDialect from 'knex/lib/dialects/postgres/index.js'
import type { Socket } from 'node:net'
import pg from 'pg'
import { isFromServer } from './trouble.ts'
import { Watchdog } from './watchdog.ts'

/** How long a server may take to let somebody in, and then again to answer the first statement. */
export const CONNECT_PATIENCE = 5_000

// A server that has not heard a goodbye in this time will not hear it.
const GOODBYE = 1_000

/**
 * What a session must have, by name. They are set by a statement, and not with the connection's first packet:
 * poolers such as PgBouncer refuse settings that they do not know there. Each may fail, since not every platform
 * has all of them.
 */
const settings = {
  // A client that has vanished lets go of the organization within the patience of others…
  idle_in_transaction_session_timeout: '15s',
  // …also where its session waits for a lock, which else notices nothing…
  client_connection_check_interval: '5s',
  // …and where it has vanished without a word.
  tcp_keepalives_idle: '10s',
  tcp_keepalives_interval: '2s',
  tcp_keepalives_count: '5',
  tcp_user_timeout: '20s',
  // Imports of one organization wait for each other, and rightly so, however long the one before them takes.
  lock_timeout: '0',
  statement_timeout: '0',
  transaction_timeout: '0',
}

/**
 * What is reported as imported must be on disk, and whoever has waited for a lock must see what was written meanwhile,
 * whatever the role or the database has as its default.
 */
const setUp = `
  do $$
  declare setting text[];
  begin
    if current_setting('synchronous_commit') = 'off' then
      perform set_config('synchronous_commit', 'on', false);
    end if;
    perform set_config('default_transaction_isolation', 'read committed', false);
    foreach setting slice 1 in array array[${Object.entries(settings)
      .map(([name, value]) => `['${name}', '${value}']`)
      .join(', ')}] loop
      begin
        perform set_config(setting[1], setting[2], false);
      exception when others then null;
      end;
    end loop;
  end $$`

/** As much of pg's client as its types leave out. */
type Connection = pg.Client & {
  readonly processID: number
  readonly connection: { readonly stream: Socket }
}

const socketOf = (client: pg.Client): Socket => (client as Connection).connection.stream

/** Says goodbye, and hangs up if nobody listens. */
async function end(client: pg.Client): Promise<void> {
  const hangUp = setTimeout(() => socketOf(client).destroy(), GOODBYE)
  await client.end()
  clearTimeout(hangUp)
}

/** On which of the sessions the server is at work: not on one that has nothing to do, or waits for its client. */
const busySessions = `
  select pg_backend_pid() as own,
         array(select pid from pg_stat_activity
                where pid = any($1::integer[]) and coalesce(state, '') not like 'idle%'
                  and wait_event_type is distinct from 'Client') as busy`

/** Asks the server, as {@link Watchdog} wants it; both connecting and asking may take 5 s. */
async function ask(
  config: pg.ClientConfig,
  silent: readonly pg.Client[],
): Promise<(connection: pg.Client) => boolean> {
  const asking = new pg.Client(config) as Connection
  asking.on('error', () => undefined)
  try {
    await asking.connect()
    const values = [silent.map((connection) => (connection as Connection).processID)]
    const { rows } = await asking.query<{ own: number; busy: readonly number[] }>({
      text: busySessions,
      values,
      ...{ query_timeout: CONNECT_PATIENCE },
    })
    const { own = 0, busy = [] } = rows[0] ?? {}
    // A pooler gives sessions numbers of its own, by which the server does not know them.
    if (own !== asking.processID) return () => true
    return (connection) => busy.includes((connection as Connection).processID)
  } catch (error) {
    // A server that has no place, or is starting, answers; a pooler says by class 08 that the server does not.
    if (isFromServer(error) && !error.code.startsWith('08')) return () => true
    throw error
  } finally {
    void end(asking)
  }
}

/** Knex's own dialect for a PostgreSQL server, whose connections can't hang: see {@link Watchdog}. */
export function serverDialect(config: pg.ClientConfig): typeof PostgresDialect {
  const watchdog = new Watchdog<pg.Client>({
    ask: (silent) => ask(config, silent),
    received: (connection) => socketOf(connection).bytesRead,
    sever: (connection, reason) => socketOf(connection).destroy(reason),
  })
  return class ServerDialect extends PostgresDialect {
    override async _acquireOnlyConnection() {
      const connection = await super._acquireOnlyConnection()
      try {
        await connection.query({ text: setUp, ...{ query_timeout: CONNECT_PATIENCE } })
      } catch (error) {
        socketOf(connection).destroy()
        throw error
      }
      watchdog.trust(connection)
      return connection
    }

    override validateConnection(connection: pg.Client) {
      return Promise.resolve(watchdog.isFit(connection))
    }

    override destroyRawConnection(connection: pg.Client) {
      return end(connection)
    }

    override async query(connection: pg.Client, query: string | { readonly sql: string }) {
      try {
        return await super.query(connection, query)
      } catch (error) {
        throw withoutStatement(error, typeof query === 'string' ? query : query.sql)
      }
    }

    override _query(connection: pg.Client, query: unknown) {
      return watchdog.watch(connection, () => super._query(connection, query))
    }
  }
}

/** Takes from an error's message the statement that knex puts before it: messages may be logged. */
function withoutStatement(error: unknown, sql: string): unknown {
  const prefix = `${sql} - `
  if (error instanceof Error && error.message.startsWith(prefix))
    error.message = error.message.slice(prefix.length)
  return error
}
