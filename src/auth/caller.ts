/** The roles that a user can have, from the greatest to the least. */
export const roles = ['organization_owner', 'organization_member', 'organization_constituent'] as const

/** Somebody whose token was good. */
export interface Caller {
  /** The slug of the organization that the token is for. */
  readonly organization: string
  /** The token's `sub`: who it is, as the issuer names him. */
  readonly subject: string
  readonly email: string | undefined
  /** Whether mail may go there: false where the issuer says so by `email_verified` (OpenID Connect Core 1.0 §5.1). */
  readonly emailVerified: boolean
  /** As the token lists them, so names that mean nothing here may be among them. */
  readonly roles: readonly string[]
}

/** Tells who is calling. */
export interface TokenVerifier {
  /**
   * @throws ServiceError `token.invalid` If the token is not good, whatever is wrong with it.
   * @throws ServiceError `issuer.unreachable` If the key that it needs cannot be fetched now.
   */
  readonly verify: (token: string) => Promise<Caller>
  /** @throws ServiceError `issuer.unreachable` If no key has ever been loaded and none can be now. */
  readonly ready: () => Promise<void>
}

/** What a token must say, beside who is calling. */
export interface TokenRules {
  readonly issuer: string
  readonly audience: string
  /** Names of JWS algorithms, asymmetric ones only. */
  readonly algorithms: readonly string[]
}

/** Milliseconds since 1970, like `Date.now`. */
export type Clock = () => number
