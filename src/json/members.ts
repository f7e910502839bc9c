/**
 * A member as it was sent, checked for nothing but its types: every string that JSON can say may stand there, with NUL
 * and halves of surrogate pairs. What was null or "" is absent. A string of more than 64 KiB has become its first 1,000
 * characters, which is still more than any rule admits.
 */
export interface Member {
  readonly emailAddress?: string
  readonly givenName?: string
  readonly familyName?: string
  readonly displayName?: string
  readonly recoveryEmail?: string
  readonly makeAdmin?: boolean
  readonly isMfaDisabled?: boolean
}

/** A property of a member. */
export type MemberProperty = keyof Member

/** What types of JSON a property takes, as a sentence says it. */
export type PropertyType = 'a string' | 'a string or null' | 'a boolean or null'

/** All properties of a member, in the order in which they are stored. */
export const memberProperties: Readonly<Record<MemberProperty, PropertyType>> = {
  // who leaves it out has a bad member, and who says null does not know what he sends
  emailAddress: 'a string',
  givenName: 'a string or null',
  familyName: 'a string or null',
  displayName: 'a string or null',
  recoveryEmail: 'a string or null',
  makeAdmin: 'a boolean or null',
  isMfaDisabled: 'a boolean or null',
}

/** A member in the making. */
export type MemberDraft = Record<MemberProperty, string | boolean | undefined>

/** Always the same properties in the same order, so that the same member is always the same text. */
export function newDraft(): MemberDraft {
  return {
    emailAddress: undefined,
    givenName: undefined,
    familyName: undefined,
    displayName: undefined,
    recoveryEmail: undefined,
    makeAdmin: undefined,
    isMfaDisabled: undefined,
  }
}

/**
 * Writes members as a piece of a payload: a JSON array. A half of a surrogate pair stands there as its escape, so no
 * character gets lost in UTF-8.
 */
export function writeMembers(members: readonly MemberDraft[]): Buffer {
  return Buffer.from(JSON.stringify(members))
}

/**
 * Reads the pieces of a payload, each as {@link readMembers} gave it, in their order.
 *
 * @throws SyntaxError or TypeError where a piece is not what was stored
 */
export async function* readMembersPayload(pieces: AsyncIterable<Buffer>): AsyncGenerator<readonly Member[]> {
  for await (const piece of pieces) {
    const members: unknown = JSON.parse(piece.toString())
    if (!Array.isArray(members)) throw new TypeError('a piece of a payload of members is no array')
    yield members as readonly Member[]
  }
}
