import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { JWTPayload, ProtectedHeaderParameters } from 'jose'
import type { TokenRules } from './caller.ts'
import { callerOf } from './claims.ts'
import { tokenInvalid } from './refusals.ts'

/** How far the clock of the issuer may be from ours, in seconds. */
export const clockTolerance = 10

const maxTokenLength = 8192

interface Unverified {
  readonly header: ProtectedHeaderParameters
  readonly claims: JWTPayload
  readonly rules: TokenRules
  /** In seconds since 1970, as tokens have it. */
  readonly now: number
}

/** What may be wrong with a token, in the order in which it is looked for. */
const complaints: readonly (readonly [sentence: string, applies: (token: Unverified) => boolean])[] = [
  [
    'The token is signed with an algorithm that is not accepted',
    ({ header, rules }) => !rules.algorithms.includes(header.alg ?? ''),
  ],
  // a signer who brings his own key proves nothing, and an address would make us ask a stranger (RFC 8725 §3.10)
  [
    'The token must not carry a key or the address of one',
    ({ header }) => ['jwk', 'jku', 'x5u', 'x5c'].some((name) => Object.hasOwn(header, name)),
  ],
  ['The token has a header that is not understood', ({ header }) => Object.hasOwn(header, 'crit')],
  [
    'The token has a kid that is not a text',
    ({ header }) => !['string', 'undefined'].includes(typeof header.kid),
  ],
  ['The token is of another issuer', ({ claims, rules }) => claims.iss !== rules.issuer],
  ['The token is for another audience', ({ claims, rules }) => ![claims.aud].flat().includes(rules.audience)],
  ['The token must have the claim exp, a number', ({ claims }) => !Number.isFinite(claims.exp)],
  ['The token has expired', ({ claims, now }) => Number(claims.exp) <= now - clockTolerance],
  [
    'The token has a claim nbf or iat that is not a number',
    ({ claims }) => ![claims.nbf, claims.iat].every(isNumeric),
  ],
  ['The token is not valid yet', ({ claims, now }) => (claims.nbf ?? 0) > now + clockTolerance],
]

function isNumeric(claim: unknown): boolean {
  return claim === undefined || Number.isFinite(claim)
}

/**
 * Checks all of a token that can be checked without a key, so that no forger can make the service ask for one.
 *
 * @throws ServiceError `token.invalid` If the token cannot be good, whoever signed it.
 */
export function checkToken(token: string, rules: TokenRules, now: number): void {
  if (token.length > maxTokenLength)
    throw tokenInvalid(`The token is longer than ${maxTokenLength} characters`)
  const { header, claims } = decode(token)
  const complaint = complaints.find(([, applies]) => applies({ header, claims, rules, now }))
  if (complaint !== undefined) throw tokenInvalid(complaint[0])
  callerOf(claims)
}

function decode(token: string): Pick<Unverified, 'header' | 'claims'> {
  try {
    if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) throw new TypeError('not three parts in base64url')
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) }
  } catch (error) {
    throw tokenInvalid('The token is not a well-formed JWT', error)
  }
}
