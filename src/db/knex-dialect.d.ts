// knex ships no types for its dialects; this is as much of the PostgreSQL one as ours override.
declare module 'knex/lib/dialects/postgres/index.js' {
  import { knex } from 'knex'
  import type { Client } from 'pg'

  export default class PostgresDialect extends knex.Client {
    _acquireOnlyConnection(): Promise<Client>
    _query(connection: Client, query: unknown): Promise<unknown>
    query(connection: Client, query: unknown): Promise<unknown>
    validateConnection(connection: Client): Promise<boolean>
    destroyRawConnection(connection: Client): Promise<void>
  }
}
