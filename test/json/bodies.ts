import { ServiceError, type BodyFault } from '../../src/errors.ts'
import { readMembersPayload } from '../../src/json/members.ts'
import type { Member } from '../../src/users/members.ts'
import { readMembers, type MembersRead } from '../../src/json/read-members.ts'
import { cutInto } from './json-value.ts'

/** An envelope with nothing wrong. */
export const envelope = {
  id: 'import-1',
  importDate: '2026-05-04T10:15:00Z',
  importFilename: 'members.json',
  importingUserId: 'user-1',
  organizationId: 7,
}

/** A body as JSON, with these members and these properties in the place of those of {@link envelope}. */
export function bodyOf(newMembers: unknown = [], others: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ ...envelope, ...others, newMembers })
}

/** A body with one more property, which may be one that it has already. */
export const withProperty = (property: string, body = bodyOf()): string => `{${property},${body.slice(1)}`

/** A body with members as they are written. */
export const withMembers = (written: string): string => `${bodyOf().slice(0, -2)}${written}]}`

export interface ReadBody extends MembersRead {
  readonly read: readonly Member[]
  readonly pieces: readonly Buffer[]
}

/** Pieces as they come over a connection. */
export async function* asStream(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield await Promise.resolve(piece)
}

/** Everything that a body comes to. */
export async function readBody(
  body: string | Buffer | AsyncIterable<Buffer>,
  sizes: readonly number[] = [0],
): Promise<ReadBody> {
  const isWhole = typeof body === 'string' || Buffer.isBuffer(body)
  const bytes = isWhole ? asStream(cutInto(Buffer.from(body), sizes)) : body
  const reading = readMembers(bytes, { organizationId: 7 })
  const pieces: Buffer[] = []
  for (;;) {
    const next = await reading.next()
    if (next.done === true) {
      const read: Member[] = []
      for await (const members of readMembersPayload(asStream(pieces))) read.push(...members)
      return { ...next.value, read, pieces }
    }
    pieces.push(next.value)
  }
}

/** How a body is refused. */
export async function refusal(body: string | Buffer): Promise<ServiceError> {
  try {
    await readBody(body)
  } catch (error) {
    if (error instanceof ServiceError) return error
    throw error
  }
  throw new Error('The body was not refused.')
}

/** The faults of a body, each as its pointer, its code and its words. */
export async function faultsOf(body: string | Buffer): Promise<string[]> {
  const { errors = [] } = await refusal(body)
  return errors.map(({ pointer, code, detail }: BodyFault) => `${pointer} [${code}] ${detail}`)
}
