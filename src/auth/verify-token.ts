import { errors, jwtVerify } from 'jose'
import type { CryptoKey, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import { ServiceError } from '../errors.ts'
import type { Caller, Clock, TokenRules } from './caller.ts'
import { checkToken, clockTolerance } from './check-token.ts'
import { callerOf } from './claims.ts'
import { tokenInvalid } from './refusals.ts'

/** What it takes to tell a good token from others. */
export interface Verification {
  readonly rules: TokenRules
  readonly clock: Clock
  /** Called only for a token that is good but for its signature. */
  readonly findKey: JWTVerifyGetKey
}

/**
 * Tells who is calling, from a token.
 *
 * @throws ServiceError `token.invalid` If the token is not good, or what `findKey` throws as a ServiceError.
 */
export async function verifyToken(token: string, { rules, clock, findKey }: Verification): Promise<Caller> {
  const now = clock()
  checkToken(token, rules, now / 1000)
  const options: JWTVerifyOptions = {
    issuer: rules.issuer,
    audience: rules.audience,
    algorithms: [...rules.algorithms],
    requiredClaims: ['exp', 'sub'],
    clockTolerance,
    currentDate: new Date(now),
  }
  return callerOf(await verifiedClaims(token, findKey, options))
}

async function verifiedClaims(
  token: string,
  findKey: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, findKey, options)).payload
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return verifiedByAny(token, error, options)
    throw refusal(error)
  }
}

/** A token without kid may be of any key that fits its algorithm: RFC 7515 does not ask for a kid. */
async function verifiedByAny(
  token: string,
  keys: AsyncIterable<CryptoKey>,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  let failure: unknown
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload
    } catch (error) {
      failure = error
    }
  }
  throw refusal(failure)
}

/** Not only JOSEErrors: of a key that is too weak jose says TypeError, of one that is broken the engine says DataError. */
function refusal(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  if (error instanceof errors.JWKSNoMatchingKey)
    return tokenInvalid('The token is signed with a key that its issuer does not publish', error)
  return tokenInvalid('The signature of the token is not good', error)
}
