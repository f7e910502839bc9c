import type { Request } from 'express'
import { ServiceError } from '../errors.ts'
import { cut } from '../users/text.ts'

/**
 * Refuses parameters where none is known: nothing that was asked for is ever ignored.
 *
 * @throws ServiceError 400 that names the first
 */
export function refuseParameters(req: Request): void {
  const [name] = new URL(req.url, 'http://localhost').searchParams.keys()
  if (name === undefined) return
  throw new ServiceError('request.query', `?${cut(name)} is not known; there are no parameters here.`)
}
