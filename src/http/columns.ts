import type { RequestHandler } from 'express'
import { headerKeys, headerRule } from '../csv/header-names.ts'
import { describeUpload } from '../users/describe-columns.ts'
import { acceptedType } from './accept.ts'
import { knownCaller, type CallerParts } from './caller.ts'
import { queryOf } from './query.ts'

/**
 * `GET /api/columns.json`: the columns, their rules and what this caller may set. Whoever has a good token gets it;
 * to one who may not import it says that he may set nothing, which is an answer and no refusal. The shape is
 * that of `users/describe-columns.ts` with `header`: the rule for names, and the columns one of which there must be.
 */
export function sendColumns(parts: CallerParts): RequestHandler {
  return async (req, res) => {
    const { role } = await knownCaller(req, parts)
    acceptedType(req, ['application/json'])
    queryOf(req, {})
    const header = { rule: headerRule, oneOf: headerKeys }
    res.set('Cache-Control', 'no-store').json({ header, ...describeUpload(role) })
  }
}
