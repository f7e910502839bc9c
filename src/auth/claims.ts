import type { JWTPayload } from 'jose'
import type { Caller } from './caller.ts'
import { tokenInvalid } from './refusals.ts'

/**
 * Who a token says is calling.
 *
 * @throws ServiceError `token.invalid` If a claim is missing or of another type.
 */
export function callerOf(claims: JWTPayload): Caller {
  return {
    organization: text(claims, 'organization'),
    subject: text(claims, 'sub'),
    email: isAbsent(claims['email']) ? undefined : text(claims, 'email'),
    emailVerified: !isFalse(claims['email_verified']),
    roles: texts(claims, 'roles'),
  }
}

function isAbsent(claim: unknown): boolean {
  return claim === undefined || claim === null || claim === ''
}

/** Some issuers write their booleans as texts. */
function isFalse(claim: unknown): boolean {
  return claim === false || (typeof claim === 'string' && claim.toLowerCase() === 'false')
}

function text(claims: JWTPayload, name: string): string {
  const claim = claims[name]
  if (isText(claim)) return claim
  throw tokenInvalid(`The token must have the claim ${name}, a text of 1 to 255 characters`)
}

function texts(claims: JWTPayload, name: string): readonly string[] {
  const claim: unknown = claims[name]
  if (Array.isArray(claim) && claim.every(isText)) return claim
  throw tokenInvalid(`The token must have the claim ${name}, a list of texts`)
}

/** PostgreSQL stores neither NUL nor half a surrogate pair, and nobody's name has a control character. */
function isText(claim: unknown): claim is string {
  return typeof claim === 'string' && claim !== '' && claim.length <= 255 && !/[\p{Cc}\p{Cs}]/u.test(claim)
}
