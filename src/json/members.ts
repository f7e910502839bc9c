import { memberProperties, type Member, type MemberPropertyName } from '../users/members.ts'

/** What types of JSON a property takes, as a sentence says it. */
export type PropertyType = 'a string' | 'a string or null' | 'a boolean or null'

/** What each property of a member takes, in the order in which they are stored. */
export const propertyTypes: ReadonlyMap<MemberPropertyName, PropertyType> = new Map(
  memberProperties.map(({ name, type, required }) => [
    name,
    // Who leaves a required one out has a bad member, and who says null does not know what he sends.
    type === 'boolean' ? 'a boolean or null' : required ? 'a string' : 'a string or null',
  ]),
)

/**
 * A member in the making. A string of more than 64 KiB has become its first 1,000 characters, which is still more than
 * any rule admits.
 */
export type MemberDraft = Record<MemberPropertyName, string | boolean | undefined>

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
