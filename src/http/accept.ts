import type { Request } from 'express'
import { ServiceError } from '../errors.ts'

/**
 * The media type, of those offered, that a request's `Accept` likes best; the first where it does not care.
 *
 * @throws ServiceError 406 if it takes none of them
 */
export function acceptedType<T extends string>(req: Request, offered: readonly T[]): T {
  // Parameters of a type, such as the charset that every answer has, leave the type on offer.
  req.headers.accept = req.headers.accept?.replace(/;(?!\s*q\s*=)[^;,]*/gi, '')
  const type = req.accepts([...offered])
  if (type !== false) return type as T
  throw new ServiceError('accept.not_acceptable', `The answer can be had as ${offered.join(' or ')}.`)
}
