import { createHash } from 'node:crypto'
import type { MembersEnvelope } from './envelope.ts'
import { inBlocks } from './blocks.ts'
import { JsonParser } from './json-parser.ts'
import { MembersBody } from './members-body.ts'
import { writeMembers } from './members.ts'

// A piece of a payload holds as many members, or what came of as many bytes of the body.
const PIECE_MEMBERS = 500
const PIECE_BYTES = 128 * 1024

/** What a body came to beside its members. */
export interface MembersRead {
  readonly envelope: MembersEnvelope
  /** How many members there are, 0 to 100,000. */
  readonly members: number
  /**
   * SHA-256, in base64, of what the body means: of all but importDate and importFilename. White space, escapes and the
   * order of keys do not count, and null, "" and absence are the same.
   */
  readonly meaning: string
}

/**
 * Reads the body of an import of members (RFC 8259, UTF-8). It never holds more of it than some hundred members.
 *
 * @param bytes - the body; is ended when this is
 * @param organizationId - the organization of the path, which the body must name
 * @returns pieces of the payload, for `readMembersPayload`, as they come, and at the end what else the body says. They
 *   count only when the end is reached.
 * @throws ServiceError `json.malformed` or `json.invalid`, both 400 with `errors`; `upload.too_many_members`, 413; and
 *   what `bytes` throws
 */
export async function* readMembers(
  bytes: AsyncIterable<Buffer>,
  { organizationId }: { readonly organizationId: number },
): AsyncGenerator<Buffer, MembersRead> {
  const body = new MembersBody(organizationId)
  const parser = new JsonParser(body)
  const hash = createHash('sha256')
  const pieces = function* (): Generator<Buffer> {
    const members = body.take()
    const size = Math.ceil(members.length / Math.ceil(members.length / PIECE_MEMBERS))
    for (let start = 0; start < members.length; start += size) {
      const piece = writeMembers(members.slice(start, start + size))
      // Without the brackets: how members fall into pieces does not count.
      hash.update(piece.subarray(1, -1)).update(',')
      yield piece
    }
  }
  let unread = 0
  for await (const block of inBlocks(bytes)) {
    parser.write(block)
    unread += block.length
    if (body.ready < PIECE_MEMBERS && unread < PIECE_BYTES) continue
    yield* pieces()
    unread = 0
  }
  parser.end()
  const envelope = body.end()
  yield* pieces()
  const { id, importingUserId, organizationId: organization } = envelope
  const meaning = createHash('sha256')
    .update(JSON.stringify([id, importingUserId, organization, hash.digest('base64')]))
    .digest('base64')
  return { envelope, members: body.count, meaning }
}
