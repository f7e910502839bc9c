import { ServiceError } from '../errors.ts'
import type { Addressees } from '../users/addressees.ts'
import { canonicalEmail } from '../users/email.ts'
import type { KnownCaller } from './caller.ts'
import type { MemberCaller } from './member-caller.ts'

/** Of a caller, what says where a letter to him goes. One with a token alone has no credential. */
export type Addressed = Pick<KnownCaller, 'organizationId' | 'subject' | 'verifiedEmail'> &
  Partial<Pick<MemberCaller, 'credential'>> & {
    /** Whether a user calls, with a token of his own; a credential of the kind basic has none. */
    readonly hasUser: boolean
  }

/**
 * Where the letter about an import goes: to the address of the caller's token, else of the user that it means, else of the
 * credential's contact. A credential without a user may name somebody else, who must be an active owner or
 * member.
 *
 * An address that the import would refuse counts for none, so that nothing of it can be taken for a second address or
 * for a line of the letter's head.
 *
 * @param importingUserId - the id, slug or e-mail address of the user who asked, where the request names one
 * @returns the address; or what a new import is refused by, `letter.no_address`: of one that is known no letter is sent
 * @throws ServiceError `database.unreachable` If the database can't be reached
 */
export async function letterAddress(
  caller: Addressed,
  addressees: Addressees,
  importingUserId?: string,
): Promise<string | ServiceError> {
  const { organizationId, subject, verifiedEmail, credential, hasUser } = caller
  const places: readonly (() => Promise<string | undefined>)[] = hasUser
    ? [() => Promise.resolve(verifiedEmail), () => addressees.emailOf(organizationId, subject)]
    : [() => named(addressees, organizationId, importingUserId)]
  for (const look of [...places, () => Promise.resolve(credential?.contact)]) {
    const address = await look()
    if (address !== undefined && canonicalEmail(address) !== undefined) return address
  }
  return new ServiceError('letter.no_address', hasUser ? noAddressOfUser : noAddressOfCredential)
}

async function named(
  addressees: Addressees,
  organizationId: number,
  text: string | undefined,
): Promise<string | undefined> {
  return text === undefined ? undefined : addressees.emailOfNamed(organizationId, text)
}

const noAddressOfUser =
  'Nobody can be written to when the import is done: your token has no verified e-mail address, and neither your user ' +
  'nor your credential has another. Send a token with the claim email.'

const noAddressOfCredential =
  'Nobody can be written to when the import is done: importingUserId means no active owner or member of the ' +
  'organization, and your credential has no contact. Name one by id, slug or e-mail address.'
