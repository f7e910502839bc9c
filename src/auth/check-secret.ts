import { timingSafeEqual } from 'node:crypto'
import type { BasicAuthorization } from './basic.ts'
import type { Clock } from './caller.ts'
import {
  kindOfSecret,
  sha256,
  type Credential,
  type CredentialDirectory,
  type StoredCredential,
} from './credentials.ts'
import { credentialInvalid } from './refusals.ts'
import { networkOf, tooManyAttempts, type WrongAttempts } from './wrong-attempts.ts'

/** What is needed to tell a right secret from others. */
export interface SecretParts {
  readonly credentials: CredentialDirectory
  readonly wrongAttempts: WrongAttempts
  /** Default `Date.now`. */
  readonly clock?: Clock
}

/** The secret that a program shows. */
export type ShownSecret =
  | ({ readonly kind: 'basic' } & BasicAuthorization)
  | { readonly kind: 'application'; readonly secret: string }

/**
 * Tells which credential a program shows. The secret is looked at first, and only a wrong one is counted: a right
 * one is never refused for the attempts of others.
 *
 * @param address - the client's IP address
 * @throws ServiceError `credential.invalid` If it is wrong, has expired or was revoked
 * @throws ServiceError `attempts.too_many` If it is wrong, and too many from this address were
 * @throws ServiceError `database.unreachable` If the database can't be reached
 */
export async function checkSecret(
  shown: ShownSecret,
  address: string | undefined,
  { credentials, wrongAttempts, clock = Date.now }: SecretParts,
): Promise<Credential> {
  const credential = await foundBy(shown, credentials)
  if (credential === undefined) {
    const seconds = await wrongAttempts.count(networkOf(address))
    throw seconds === undefined ? credentialInvalid(wrong[shown.kind]) : tooManyAttempts(seconds)
  }
  // Only who has the secret is told, and he is not guessing.
  if (credential.revokedAt !== undefined) throw credentialInvalid(revoked)
  if (credential.expiresAt.getTime() <= clock()) throw credentialInvalid(expired)
  credentials.keepUse(credential)
  return credential
}

const wrong: Readonly<Record<ShownSecret['kind'], string>> = {
  application:
    'The ApplicationToken is wrong: send the secret of a credential of the kind application, as it was printed ' +
    'when the credential was made, or have a new one made.',
  basic:
    'The user name or the password of Authorization: Basic is wrong: send the id and the secret of a credential of ' +
    'the kind basic, as they were printed when it was made, or have a new one made.',
}
const expired = 'This credential has expired: have a new one made, and send its secret.'
const revoked = 'This credential was revoked: have a new one made, and send its secret.'

/** What can't be a secret of ours is not looked up. */
async function foundBy(
  shown: ShownSecret,
  credentials: CredentialDirectory,
): Promise<StoredCredential | undefined> {
  if (kindOfSecret(shown.secret) !== shown.kind) return undefined
  const digest = sha256(shown.secret)
  const credential = await credentials.find(digest)
  return credential !== undefined && isShown(credential, digest, shown) ? credential : undefined
}

/** Digests are compared, so lengths are equal, and the time that it takes says nothing. */
function isShown(credential: StoredCredential, digest: Buffer, shown: ShownSecret): boolean {
  if (credential.kind !== shown.kind || !timingSafeEqual(credential.secretSha256, digest)) return false
  return shown.kind !== 'basic' || timingSafeEqual(sha256(credential.id), sha256(shown.id))
}
