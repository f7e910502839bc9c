import type { Clock, TokenRules, TokenVerifier } from './caller.ts'
import { fetchKeySet } from './fetch-key-set.ts'
import { KeySet } from './key-set.ts'
import { verifyToken } from './verify-token.ts'

/** An issuer of tokens elsewhere. */
export interface RemoteIssuer extends TokenRules {
  /** Where it publishes its keys, as a JSON Web Key Set. */
  readonly jwksUrl: string
}

/** A verifier of tokens of an issuer elsewhere. It asks for nothing until the first token, or `ready`. */
export function createTokenVerifier(issuer: RemoteIssuer, clock: Clock = Date.now): TokenVerifier {
  const keys = new KeySet(() => fetchKeySet(issuer.jwksUrl), clock)
  const verification = { rules: issuer, clock, findKey: keys.find.bind(keys) }
  return {
    verify: (token) => verifyToken(token, verification),
    ready: async () => {
      await keys.load()
    },
  }
}
