import { ServiceError } from '../errors.ts'

/**
 * Nothing was shown that could be wrong, so the challenge has no error code (RFC 6750 §3.1).
 *
 * @param what - a sentence without its full stop
 */
export function tokenMissing(what: string): ServiceError {
  return new ServiceError('token.missing', `${what}.`, { headers: { 'WWW-Authenticate': 'Bearer' } })
}

/**
 * @param what - a sentence without its full stop, in ASCII without quotes and backslashes, for it stands in a header
 *   (RFC 6750 §3), and without anything of the token, for it may be logged
 */
export function tokenInvalid(what: string, cause?: unknown): ServiceError {
  const detail = `${what}.`
  const challenge = `Bearer error="invalid_token", error_description="${detail}"`
  return new ServiceError('token.invalid', detail, { headers: { 'WWW-Authenticate': challenge }, cause })
}

// An answer of 401 must name a scheme (RFC 9110 §15.5.2). Never Basic: a browser would ask its user for a password.
const challenge = { 'WWW-Authenticate': 'Bearer' }

/** A program has not shown what it needs beside, or in place of, a token. */
export function credentialMissing(detail: string): ServiceError {
  return new ServiceError('credential.missing', detail, { headers: challenge })
}

/** The secret of a program is no good. The token beside it may well be, so the challenge has no error code. */
export function credentialInvalid(detail: string): ServiceError {
  return new ServiceError('credential.invalid', detail, { headers: challenge })
}

/** @param seconds - after how many it makes sense to try again */
export function issuerUnreachable(seconds: number, cause: unknown): ServiceError {
  const detail =
    'The keys of the issuer of tokens cannot be reached, so no token can be checked now: try again later.'
  return new ServiceError('issuer.unreachable', detail, {
    headers: { 'Retry-After': String(seconds) },
    cause,
  })
}
