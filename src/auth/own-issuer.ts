import { createLocalJWKSet, importJWK, SignJWT } from 'jose'
import type { Caller, Clock, TokenRules, TokenVerifier } from './caller.ts'
import { ownAlgorithm, ownKey } from './own-key.ts'
import { verifyToken } from './verify-token.ts'

const rules: TokenRules = {
  issuer: 'urn:rollcall:own-issuer',
  audience: 'urn:rollcall:api',
  algorithms: [ownAlgorithm],
}

/** Who a token is for, and how long. */
export interface Grant extends Omit<Caller, 'emailVerified'> {
  /** In seconds. */
  readonly expiresIn: number
}

/** An issuer whose key lies on this machine, for a service that serves nobody else. */
export interface OwnIssuer {
  /** Makes a token that {@link OwnIssuer.verifier} takes. */
  readonly sign: (grant: Grant) => Promise<string>
  readonly verifier: TokenVerifier
}

/**
 * @param dataDir - where the key is kept, as `issuer-key.json`; it is made if it is not there
 * @throws Error If the key cannot be read or made.
 */
export async function createOwnIssuer(dataDir: string, clock: Clock = Date.now): Promise<OwnIssuer> {
  const jwk = await ownKey(dataDir)
  const { kty, n, e, kid = '' } = jwk
  const privateKey = await importJWK(jwk, ownAlgorithm)
  const findKey = createLocalJWKSet({
    keys: [{ kty, n, e, kid }] as Parameters<typeof createLocalJWKSet>[0]['keys'],
  })
  return {
    sign: (grant) => unsigned(grant, kid, Math.floor(clock() / 1000)).sign(privateKey),
    verifier: {
      verify: (token) => verifyToken(token, { rules, clock, findKey }),
      ready: () => Promise.resolve(),
    },
  }
}

function unsigned(
  { organization, roles, subject, email, expiresIn }: Grant,
  kid: string,
  now: number,
): SignJWT {
  return new SignJWT({ organization, roles, ...(email === undefined ? {} : { email }) })
    .setProtectedHeader({ alg: ownAlgorithm, kid, typ: 'JWT' })
    .setIssuer(rules.issuer)
    .setAudience(rules.audience)
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(now + expiresIn)
}
