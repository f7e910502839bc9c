import { pino, type DestinationStream, type Logger } from 'pino'

/** What the log says of an error. */
interface LoggedError {
  readonly type: string
  readonly message?: string
  readonly code?: unknown
  /** The rule of the database that was broken. */
  readonly constraint?: unknown
  /** Where in our code it was thrown. */
  readonly at?: string
  readonly cause?: LoggedError
}

/**
 * Takes from an error what may stand in a log. The database's own words stay out of it, since they quote rows
 * and statements; of a stack there is the one line that says where.
 */
export function loggedError(error: unknown): LoggedError {
  const {
    name = 'Error',
    message,
    code,
    constraint,
    severity,
    stack,
    cause,
  } = Object(error) as Partial<Record<string, unknown>>
  const at = typeof stack === 'string' ? /(?:src|migrations)\/[\w/.-]+:\d+/.exec(stack)?.[0] : undefined
  return {
    type: String(name),
    ...(severity === undefined && typeof message === 'string' ? { message } : {}),
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(at === undefined ? {} : { at }),
    ...(cause === undefined ? {} : { cause: loggedError(cause) }),
  }
}

/** Makes the log: JSON lines on standard output. */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = { level, serializers: { err: loggedError } }
  // Synchronous, like Node's own standard output: what is written later in the background waits for ever at the end
  // of the process where the reader of the log has gone.
  return pino(options, destination ?? pino.destination({ dest: 1, sync: true }))
}
