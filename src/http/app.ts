import cors from 'cors'
import express, { type Express, type RequestHandler } from 'express'
import helmet from 'helmet'
import type { Logger } from 'pino'
import { pinoHttp } from 'pino-http'
import { loggedError } from '../log.ts'
import { sendColumns } from './columns.ts'
import { drainRest } from './drain.ts'
import { exportUsers, type ExportRouteParts } from './export-users.ts'
import { healthz, readyz } from './health.ts'
import { listReceipts } from './history.ts'
import { importUsers, type ImportRouteParts } from './import-users.ts'
import {
  deleteMembersImport,
  importMembers,
  showMembersImport,
  showMembersResult,
  type MemberRouteParts,
} from './members.ts'
import { answerProblem, onlyMethods, unknownRoute } from './problem.ts'
import { deleteReceipt, showReceipt, showResult } from './receipts.ts'
import { refuseAmbiguousTarget } from './request-form.ts'
import { sendTemplate } from './template.ts'

/** What the HTTP side of the service needs. */
export interface AppParts extends ImportRouteParts, MemberRouteParts, ExportRouteParts {
  /** Throws a ServiceError where database or keys do not answer. */
  readonly ready: () => Promise<void>
  /** Throws a ServiceError while the service can't take imports: before it is prepared, and when it stops. */
  readonly open: () => void
  /** Addresses of proxies whose `X-Forwarded-*` count. */
  readonly trustedProxies: readonly string[]
  /** Origins of portals that embed the form. */
  readonly allowedOrigins: readonly string[]
}

const exposedHeaders =
  'Import-Id Location Import-Charset Import-Delimiter Preference-Applied Retry-After Content-Disposition Import-State'.split(
    ' ',
  )

/** The service over HTTP: its table of contents. */
export function createApp(parts: AppParts): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('trust proxy', [...parts.trustedProxies])

  app.use(logged(parts.log), refuseAmbiguousTarget, drainRest, helmet())
  app.use(allowOrigins(parts.allowedOrigins))

  app.route('/healthz').get(healthz).all(onlyMethods('GET', 'HEAD'))
  app.route('/readyz').get(readyz(parts.ready)).all(onlyMethods('GET', 'HEAD'))
  app.route('/api/template/organization/users.csv').get(sendTemplate).all(onlyMethods('GET', 'HEAD'))
  app
    .route('/api/import/organization/users')
    .post(whileOpen(parts.open), importUsers(parts))
    .get(listReceipts(parts))
    .all(onlyMethods('GET', 'HEAD', 'POST'))
  app
    .route('/api/import/organization/users/:id')
    .get(showReceipt(parts))
    .delete(deleteReceipt(parts))
    .all(onlyMethods('GET', 'HEAD', 'DELETE'))
  app
    .route('/api/import/organization/users/:id/result.csv')
    .get(showResult(parts))
    .all(onlyMethods('GET', 'HEAD'))
  app
    .route('/v1/organizations/:organizationId/members/import')
    .post(whileOpen(parts.open), importMembers(parts))
    .all(onlyMethods('POST'))
  app
    .route('/v1/organizations/:organizationId/members/import/:id')
    .get(whileOpen(parts.open), showMembersImport(parts))
    .delete(whileOpen(parts.open), deleteMembersImport(parts))
    .all(onlyMethods('GET', 'HEAD', 'DELETE'))
  app
    .route('/v1/organizations/:organizationId/members/import/:id/result')
    .get(whileOpen(parts.open), showMembersResult(parts))
    .all(onlyMethods('GET', 'HEAD'))
  app
    .route('/api/export/organization/users.csv')
    .get(whileOpen(parts.open), exportUsers(parts))
    .all(onlyMethods('GET', 'HEAD'))
  app
    .route('/api/columns.json')
    .get(whileOpen(parts.open), sendColumns(parts))
    .all(onlyMethods('GET', 'HEAD'))

  app.use(unknownRoute)
  app.use(answerProblem(parts.log))
  return app
}

/**
 * Lets pages of these origins call (the Fetch standard's CORS, without credentials). An OPTIONS that is no preflight is a
 * request like any other.
 */
function allowOrigins(origins: readonly string[]): RequestHandler {
  const methods = ['GET', 'HEAD', 'POST', 'DELETE']
  const handle = cors({ origin: [...origins], credentials: false, methods, exposedHeaders, maxAge: 600 })
  return (req, res, next) => {
    const { origin, 'access-control-request-method': asked } = req.headers
    if (req.method !== 'OPTIONS' || (origin !== undefined && asked !== undefined)) handle(req, res, next)
    else next()
  }
}

function whileOpen(open: () => void): RequestHandler {
  return (_req, _res, next) => {
    open()
    next()
  }
}

const memberImport = /^(\/v1\/organizations\/[^/]*\/members\/import\/)[^/]+/i

/** Without the id of an import of members, which its caller has chosen and which may tell of people too. */
const loggedPath = (url: string): string => (url.split('?')[0] ?? '').replace(memberImport, '$1{id}')

/** One line a request. Query strings and headers stay out of it: people put tokens and addresses there. */
function logged(log: Logger): RequestHandler {
  return pinoHttp({
    logger: log,
    serializers: {
      req: (req: { id: unknown; method: string; url: string }) => ({
        id: req.id,
        method: req.method,
        path: loggedPath(req.url),
      }),
      err: loggedError,
      res: (res: { statusCode: number | null }) => ({ status: res.statusCode }),
    },
    // It would make an error of its own, with a stack, for every answer of 500 and above.
    customErrorObject: (_req, res) => ({ res }),
    customLogLevel: (req, res, error) => {
      if (error !== undefined || res.statusCode >= 500) return 'warn'
      return req.url === '/healthz' || req.url === '/readyz' ? 'debug' : 'info'
    },
  })
}
