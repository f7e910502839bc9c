import { ServiceError } from '../errors.ts'

/** Trouble of a batch that may be over when it is tried again; see PostgreSQL's appendix A. */
const inTheWay = new Set([
  '23505', // unique_violation: another writer took a key after it was looked up
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
])

/** SQLSTATE classes in which the database itself, and not what it was asked, is in trouble. */
const troubled = ['08', '53', '57', '58', 'XX']

/** read_only_sql_transaction: the server is a standby, or is about to become one. */
const READ_ONLY = '25006'

/** An error that the server sent, whichever package made an object of it. */
interface ServerError {
  /** The SQLSTATE. */
  readonly code: string
  readonly severity: string
  /** The name of the constraint that was broken, where one was. */
  readonly constraint?: string
}

function isFromServer(error: unknown): error is ServerError {
  const { code, severity } = Object(error) as Partial<ServerError>
  return typeof code === 'string' && typeof severity === 'string'
}

/** A row was changed by another writer between the look and the write. */
export class RowMoved extends Error {
  override readonly name = 'RowMoved'
}

/** Whether another writer was in the way, so that trying the same again makes sense at once. */
export function isInTheWay(error: unknown): boolean {
  if (error instanceof RowMoved) return true
  return isFromServer(error) && inTheWay.has(error.code)
}

/**
 * SQLSTATE classes in which the database refuses what it was asked to store: data exceptions, integrity
 * constraints and check options, limits of an index, exceptions that a trigger raises.
 */
const refused = ['22', '23', '44', '54', 'P0']

/** What the database has against storing something, or `undefined` where that is not its trouble. */
export function refusal(error: unknown): string | undefined {
  if (!isFromServer(error) || !refused.includes(error.code.slice(0, 2))) return undefined
  return error.constraint ?? error.code
}

/**
 * What the service says of an error from the database. An error without a SQLSTATE never came from the
 * server: the connection, or the wait for one, failed.
 */
export function asServiceError(error: unknown): unknown {
  if (error instanceof ServiceError || error instanceof RowMoved) return error
  if (isFromServer(error) && !isTroubled(error.code)) return error
  return unreachable(error)
}

const isTroubled = (code: string): boolean => troubled.includes(code.slice(0, 2)) || code === READ_ONLY

/** That the database can't do its work now, for whatever `cause`. */
export function unreachable(cause: unknown): ServiceError {
  return new ServiceError('database.unreachable', 'The database can not be reached now: try again later.', {
    headers: { 'Retry-After': '10' },
    cause,
  })
}
