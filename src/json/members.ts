import { memberProperties, type Member, type MemberPropertyName } from '../users/members.ts'

/** What types of JSON a property takes, as a sentence says it. */
export type PropertyType = 'a string' | 'a string or null' | 'a boolean or null'

/** What a property takes, and where its value stands in a {@link MemberDraft}. */
export interface PropertyPlace {
  readonly index: number
  readonly takes: PropertyType
}

/** The properties of a member. */
export const propertyPlaces: ReadonlyMap<string, PropertyPlace> = new Map(
  memberProperties.map(({ name, type, required }, index) => [
    name,
    // Who leaves a required one out has a bad member, and who says null does not know what he sends.
    {
      index,
      takes: type === 'boolean' ? 'a boolean or null' : required ? 'a string' : 'a string or null',
    },
  ]),
)

/**
 * A member in the making, as it is stored: the values of its properties in the order of `memberProperties`, `null` for
 * each that is absent. So the same member is always the same text, and half as long as with the names. A string of more
 * than 64 KiB has become its first 1,000 characters, which is still more than any rule admits.
 */
export type MemberDraft = (string | boolean | null)[]

/** A member of whom nothing is known yet. */
export const newDraft = (): MemberDraft => [null, null, null, null, null, null, null]

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
    if (!Array.isArray(members) || !members.every(isDraft))
      throw new TypeError('a piece of a payload of members is no array of members')
    yield members.map(memberOf)
  }
}

/** The place of each property. */
const at = Object.fromEntries(memberProperties.map(({ name }, index) => [name, index])) as Readonly<
  Record<MemberPropertyName, number>
>

const isDraft = (value: unknown): value is MemberDraft =>
  Array.isArray(value) && value.length === memberProperties.length

/** What is absent is `undefined`: all members have the same properties, in the same order. */
function memberOf(draft: MemberDraft): Member {
  const member: Record<MemberPropertyName, string | boolean | undefined> = {
    emailAddress: draft[at.emailAddress] ?? undefined,
    givenName: draft[at.givenName] ?? undefined,
    familyName: draft[at.familyName] ?? undefined,
    displayName: draft[at.displayName] ?? undefined,
    recoveryEmail: draft[at.recoveryEmail] ?? undefined,
    makeAdmin: draft[at.makeAdmin] ?? undefined,
    isMfaDisabled: draft[at.isMfaDisabled] ?? undefined,
  }
  return member as Member
}
