import type { IncomingMessage } from 'node:http'
import { PieceSpool, Spool } from '../import/spool.ts'
import { readMembers, type MembersRead } from '../json/read-members.ts'
import type { UploadDigest } from '../receipts/receipt.ts'
import { Incoming } from './incoming.ts'
import { checkJsonType } from './media-type.ts'
import type { Pace } from './pace.ts'
import { openBody } from './upload.ts'

/** How the body of an import of members is read. */
export interface MembersImportOptions {
  /** The most bytes that the body may have, packed or not. */
  readonly maxBytes: number
  /** The organization of the path. */
  readonly organizationId: number
  /** How slowly the body may come. Default: `uploadPace`. */
  readonly pace?: Pace
}

/** An import of members that has come whole and has nothing wrong with it but, maybe, values of members. */
export interface MembersImport extends MembersRead {
  /** Its members in pieces, to be stored as they are and read again with `readMembersPayload`. */
  readonly payload: PieceSpool
  /** Bytes and SHA-256 of the body, unpacked. */
  readonly upload: UploadDigest
  /** Gives the room of the payload back. */
  readonly close: () => Promise<void>
}

/**
 * Receives the body of `POST /v1/organizations/{organizationId}/members/import`. Where it throws, nothing is left behind,
 * and the connection can still take the answer. Who called must be known before.
 *
 * @returns what the body says; whoever gets it calls {@link MembersImport.close}
 * @throws ServiceError 400, 408, 413 or 415
 */
export async function readMembersImport(
  req: IncomingMessage,
  { maxBytes, organizationId, pace }: MembersImportOptions,
): Promise<MembersImport> {
  checkJsonType(req.headers['content-type'])
  const { bytes } = openBody(req, { maxBytes, ...(pace === undefined ? {} : { pace }) })
  const incoming = new Incoming(bytes)
  const payload = new PieceSpool(await Spool.open())
  try {
    const read = await store(readMembers(incoming.read(), { organizationId }), payload)
    return { ...read, payload, upload: await incoming.received(), close: () => payload.close() }
  } catch (error) {
    await payload.close()
    throw error
  } finally {
    await incoming.close()
  }
}

async function store(
  members: AsyncGenerator<Buffer, MembersRead>,
  payload: PieceSpool,
): Promise<MembersRead> {
  for (;;) {
    const next = await members.next()
    if (next.done === true) return next.value
    await payload.write(next.value)
  }
}
