import { createHash, randomBytes } from 'node:crypto'
import type { roles } from './caller.ts'

/**
 * The kinds of credentials: an `application` token stands in the header `ApplicationToken` beside a user's token;
 * a `basic` one, its id and its secret, in `Authorization: Basic` (RFC 7617).
 */
export const credentialKinds = ['application', 'basic'] as const

/** One of {@link credentialKinds}. */
export type CredentialKind = (typeof credentialKinds)[number]

/** What a program shows to call for an organization. Its secret is known only to whom it was given. */
export interface Credential {
  /** 16 hexadecimal digits; no secret. The user name of Basic. */
  readonly id: string
  readonly organizationId: number
  /** The slug of the organization. */
  readonly organization: string
  readonly kind: CredentialKind
  readonly role: (typeof roles)[number]
  /** The e-mail address of somebody who answers for it. */
  readonly contact: string | undefined
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly revokedAt: Date | undefined
  /** To the minute. */
  readonly lastUsedAt: Date | undefined
}

/** A credential as it is stored. */
export interface StoredCredential extends Credential {
  readonly secretSha256: Buffer
}

/** Where credentials are looked up. */
export interface CredentialDirectory {
  /**
   * The credential with this digest of its secret, be it good, expired or revoked.
   *
   * @throws ServiceError `database.unreachable` If the database can't be reached
   */
  find(secretSha256: Buffer): Promise<StoredCredential | undefined>
  /** Keeps that it is used now, in the background and at most once a minute; that it fails is nobody's trouble. */
  keepUse(credential: Credential): void
}

/** A credential that is to be made. */
export interface WantedCredential {
  /** A slug. */
  readonly organization: string
  readonly kind: CredentialKind
  readonly role: Credential['role']
  readonly contact: string | undefined
  readonly expiresAt: Date
}

/** A credential whose id and secret are drawn. */
export interface NewCredential extends WantedCredential {
  readonly id: string
  readonly secretSha256: Buffer
}

/** Where credentials are administered. Every function throws ServiceError `database.unreachable`. */
export interface CredentialRegister {
  /** `undefined` where there is no such organization. */
  add(credential: NewCredential): Promise<Credential | undefined>
  /** Those of an organization, or of all, oldest first; `undefined` where there is no such organization. */
  list(organization?: string): Promise<readonly Credential[] | undefined>
  /** Takes its right away for good. Of one that was revoked before, it says when. `undefined`: there is none. */
  revoke(id: string): Promise<Credential | undefined>
}

/** By them people, and programs that look for secrets in the wrong places, know what they have found. */
const prefixes: Readonly<Record<CredentialKind, string>> = { application: 'rca_', basic: 'rcb_' }

/** Draws a secret: the prefix of its kind, and 32 random bytes in base64url. */
export function newSecret(kind: CredentialKind): string {
  return prefixes[kind] + randomBytes(32).toString('base64url')
}

/** The kind of which a text could be the secret, by its form. */
export function kindOfSecret(text: string): CredentialKind | undefined {
  const random = /^rc[ab]_[\w-]{43}$/.test(text)
  return random ? credentialKinds.find((kind) => text.startsWith(prefixes[kind])) : undefined
}

/**
 * Makes a credential. Its secret can't be had again.
 *
 * @returns `undefined` where there is no such organization
 * @throws ServiceError `database.unreachable` If the database can't be reached
 */
export async function makeCredential(
  register: CredentialRegister,
  wanted: WantedCredential,
): Promise<{ credential: Credential; secret: string } | undefined> {
  const secret = newSecret(wanted.kind)
  const id = randomBytes(8).toString('hex')
  const credential = await register.add({ ...wanted, id, secretSha256: sha256(secret) })
  return credential === undefined ? undefined : { credential, secret }
}

/** What is stored of a secret. A quick digest will do: nobody can try 2^256 secrets. */
export function sha256(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
