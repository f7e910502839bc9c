import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { STATUS_CODES } from 'node:http'
import type { Logger } from 'pino'
import { internal, ServiceError } from '../errors.ts'
import { breakOff } from './break-off.ts'

/** Answers what no route answers. */
export const unknownRoute: RequestHandler = (req) => {
  throw new ServiceError('route.unknown', `There is nothing at ${pathOf(req)}.`)
}

/** Answers every method that the routes before it on the same path do not. */
export function onlyMethods(...methods: readonly string[]): RequestHandler {
  return (req) => {
    const allowed = methods.join(', ')
    const detail = `${req.method} is not for ${pathOf(req)}; allowed: ${allowed}.`
    throw new ServiceError('method.not_allowed', detail, { headers: { Allow: allowed } })
  }
}

const pathOf = (req: Request): string => (req.originalUrl.split('?')[0] ?? '').slice(0, 200)

/**
 * Turns an error into an answer of RFC 9457. Only a ServiceError has words for the caller; whatever else
 * comes here is a mistake of ours, is logged, and tells nobody anything. Where the answer has begun it is
 * broken off: it must never end as if it were complete.
 */
export function answerProblem(log: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    // Nobody is left to be told; the request's own line in the log says that it was aborted.
    if (res.closed || req.socket.destroyed) return
    const problem = problemOf(error)
    if (problem.code === 'internal') log.error({ err: error }, 'request failed')
    else if (problem.status >= 500) log.warn({ err: error, code: problem.code }, 'request refused')
    if (res.headersSent) breakOff(req.socket)
    else sendProblem(problem, req, res)
  }
}

function problemOf(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  // Express throws errors with a status of their own for what it can't read, such as a malformed path.
  const status = (error as { status?: unknown } | undefined)?.status
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new ServiceError('request.malformed', 'The request could not be understood.', { cause: error })
  }
  return internal(error)
}

function sendProblem(problem: ServiceError, req: Request, res: Response): void {
  const { status, code, message: detail, headers, errors } = problem
  res
    .status(status)
    .set({ ...headers, 'Cache-Control': 'no-store' })
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: 'about:blank',
        title: STATUS_CODES[status],
        status,
        detail,
        instance: pathOf(req),
        code,
        errors,
      }),
    )
}
