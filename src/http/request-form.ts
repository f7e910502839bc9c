import type { RequestHandler } from 'express'
import { ServiceError } from '../errors.ts'

/**
 * Refuses requests that leave open whom they are for: with two Host headers, an empty one, or with a whole URL
 * in the place of a path, one part of a chain of servers may go by one and the next by the other.
 */
export const refuseAmbiguousTarget: RequestHandler = (req, res, next) => {
  const hosts = req.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host')
  const isNamed = req.headers.host === undefined ? req.httpVersion === '1.0' : req.headers.host !== ''
  if (hosts.length <= 1 && isNamed && req.url.startsWith('/')) {
    next()
    return
  }
  res.set('Connection', 'close')
  throw new ServiceError('request.malformed', 'Send a path as the target and exactly one Host header.')
}
