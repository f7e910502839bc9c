import { ServiceError } from '../errors.ts'

/**
 * What an error from the database means for what was being done:
 *
 * - `row`: it refuses what it was asked to store, and would again. Other rows of the batch may be good.
 * - `in the way`: another writer was. The same again, at once, will do.
 * - `trouble`: the database can't do its work now, whatever it is asked. The same again, in a while, may do.
 * - `give up`: the service asked for something that it can't have. The same again never helps.
 */
export type Meaning = 'row' | 'in the way' | 'trouble' | 'give up'

/** By SQLSTATE, or by its first two characters; see PostgreSQL's appendix A. What is not here: give up. */
const meanings: Readonly<Record<string, Meaning>> = {
  '22': 'row', // data_exception
  '23': 'row', // integrity_constraint_violation
  '44': 'row', // with_check_option_violation
  '54': 'row', // program_limit_exceeded: too much for an index
  '09': 'row', // triggered_action_exception; this and the next four: a trigger that somebody added
  '27': 'row', // triggered_data_change_violation
  '38': 'row', // external_routine_exception
  '39': 'row', // external_routine_invocation_exception
  P0: 'row', // plpgsql's raise

  '23505': 'in the way', // unique_violation: a key was taken after it was looked up
  '40': 'in the way', // transaction_rollback: deadlocks, serialization failures
  '55P03': 'in the way', // lock_not_available

  '08': 'trouble', // connection_exception
  '25006': 'trouble', // read_only_sql_transaction: a standby, or about to become one
  '25P03': 'trouble', // idle_in_transaction_session_timeout: the session was ended
  '25P04': 'trouble', // transaction_timeout: the same
  '28': 'trouble', // invalid_authorization: while connecting; a password is changed, a standby takes over
  '3D': 'trouble', // invalid_catalog_name: the same
  '53': 'trouble', // insufficient_resources: memory, disk, connections
  '57': 'trouble', // operator_intervention: a restart, a cancelled statement
  '58': 'trouble', // system_error
  XX000: 'trouble', // internal_error: what poolers and clusters say too; XX001 and XX002 are corruption
}

/** An error that the server sent, whichever package made an object of it. */
export interface ServerError {
  /** The SQLSTATE. */
  readonly code: string
  readonly severity: string
  /** The name of the constraint that was broken, where one was. */
  readonly constraint?: string
}

/** Whether the server sent an error: it has a SQLSTATE. */
export function isFromServer(error: unknown): error is ServerError {
  const { code, severity } = Object(error) as Partial<ServerError>
  return typeof code === 'string' && typeof severity === 'string'
}

/** A row was not stored though nothing was said against it: a trigger that somebody added drops it. */
export class RowDropped extends Error {
  override readonly name = 'RowDropped'
}

/** A row was changed by another writer between the look and the write. */
export class RowMoved extends Error {
  override readonly name = 'RowMoved'
}

/**
 * What an error means that something in `db/` has thrown. One that neither the server sent nor
 * {@link asServiceError} has seen is a mistake of ours: give up.
 */
export function meaningOf(error: unknown): Meaning {
  if (error instanceof RowMoved) return 'in the way'
  if (error instanceof RowDropped) return 'row'
  if (error instanceof ServiceError) return error.code === 'database.unreachable' ? 'trouble' : 'give up'
  return isFromServer(error) ? meaningOfServer(error) : 'give up'
}

/** Keys that are looked up before they are written: one is taken only where another writer was faster. */
const ourKeys =
  /^(?:users_(?:pkey|slug|provider|email)|(?:imports|import_chunks|organizations|processes)_\w+)$/

function meaningOfServer({ code, constraint = '' }: ServerError): Meaning {
  // A key that somebody else has added is taken, and will be the next time.
  if (code === '23505' && constraint !== '' && !ourKeys.test(constraint)) return 'row'
  return meaningOfState(code)
}

const meaningOfState = (state: string): Meaning => meanings[state] ?? meanings[state.slice(0, 2)] ?? 'give up'

/** What the database has against storing something, or `undefined` where that is not its trouble. */
export function refusal(error: unknown): string | undefined {
  if (error instanceof RowDropped) return 'a trigger'
  // Moved again and again, it is no other writer who moves it.
  if (error instanceof ServiceError && error.cause instanceof RowMoved) return 'a trigger'
  return isFromServer(error) && meaningOf(error) === 'row' ? (error.constraint ?? error.code) : undefined
}

/** Mistakes of ours, which no other connection mends. */
const mistakes = [TypeError, RangeError, ReferenceError, SyntaxError]

/**
 * What the service says of an error that came straight out of knex: trouble becomes `database.unreachable`,
 * everything else stays as it is. An error without a SQLSTATE never came from the server: the connection, or the
 * wait for one, failed.
 */
export function asServiceError(error: unknown): unknown {
  if ([ServiceError, RowMoved, RowDropped].some((known) => error instanceof known)) return error
  if (isFromServer(error)) return meaningOf(error) === 'trouble' ? unreachable(error) : error
  return mistakes.some((mistake) => error instanceof mistake) ? error : unreachable(error)
}

/** That the database can't do its work now, for whatever `cause`. */
export function unreachable(cause: unknown): ServiceError {
  return new ServiceError('database.unreachable', 'The database can not be reached now: try again later.', {
    headers: { 'Retry-After': '10' },
    cause,
  })
}
