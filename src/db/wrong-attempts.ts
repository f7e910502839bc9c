import type { Knex } from 'knex'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { setTimeout } from 'node:timers/promises'
import type { WrongAttempts } from '../auth/wrong-attempts.ts'
import { execute, queryNumbered, type Parameter } from './query.ts'

/** What wrong attempts are counted with. */
export interface WrongAttemptsParts {
  readonly knex: Knex
  /** Hears that an attempt could not be counted. */
  readonly onFailure: (error: unknown) => void
  /** How many of an address are answered before it is told to wait. Default 20. */
  readonly allowed?: number
  /** In how many seconds. Default 600. */
  readonly seconds?: number
  /** For how many milliseconds an attempt waits to be counted. Default 2,000. */
  readonly patience?: number
}

// Counting never keeps anybody waiting for long: neither the caller, nor others for a connection.
const PATIENCE = 2_000
const MOST_WAITING = 200

/**
 * Counts wrong attempts in PostgreSQL, for all processes together. An attempt costs one statement, and none once
 * this process knows that the address has had its share; one at a time, so that a flood of them takes one connection.
 */
export function createWrongAttempts({
  knex,
  onFailure,
  allowed = 20,
  seconds = 600,
  patience = PATIENCE,
}: WrongAttemptsParts): WrongAttempts {
  const limiter = new RateLimiterPostgres({
    storeClient: { query: (statement: Statement) => runStatement(knex, statement) },
    storeType: 'client',
    tableName: 'wrong_attempts',
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix: '',
    points: allowed,
    duration: seconds,
    inMemoryBlockOnConsumed: allowed,
  })
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()
  const consume = (key: string): Promise<unknown> => {
    if (waiting >= MOST_WAITING) return Promise.resolve()
    waiting += 1
    const counted = last.then(() => limiter.consume(key)).finally(() => (waiting -= 1))
    last = counted.catch(() => undefined)
    return Promise.race([counted, setTimeout(patience, undefined, { ref: false })])
  }
  return {
    count: async (network) => {
      try {
        await consume(network)
      } catch (error) {
        if (error instanceof RateLimiterRes) return Math.max(Math.ceil(error.msBeforeNext / 1_000), 1)
        onFailure(error)
      }
      return undefined
    },
  }
}

/** Forgets the addresses whose time is over. To be called now and then. */
export async function forgetWrongAttempts(knex: Knex): Promise<void> {
  await execute(knex, 'delete from wrong_attempts where expire < ?::bigint', [Date.now()])
}

/** A statement of the library, whose parameters are marked by `$1` and so on. */
interface Statement {
  readonly text: string
  readonly values: readonly Parameter[]
}

/**
 * Runs it as all others are, over the watchdog and without a name: poolers do not know the names of statements. The
 * library's own way to knex asks the connection itself.
 */
async function runStatement(knex: Knex, { text, values }: Statement): Promise<{ rows: readonly unknown[] }> {
  return { rows: await queryNumbered(knex, text, values) }
}
