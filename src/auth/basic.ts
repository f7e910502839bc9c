import { credentialInvalid } from './refusals.ts'

/** What stands in an `Authorization: Basic` header. */
export interface BasicAuthorization {
  /** The user name: the credential's id. */
  readonly id: string
  /** The password: the credential's secret. */
  readonly secret: string
}

const malformed = 'The Authorization header is malformed: after Basic there must be ID:SECRET in base64.'

/**
 * Takes user name and password out of an `Authorization: Basic` header (RFC 7617, charset UTF-8).
 *
 * @throws ServiceError `credential.invalid` If they can't be read
 */
export function basic(header: string): BasicAuthorization {
  const [, base64] = /^basic +([a-z\d+/]+={0,2})$/i.exec(header.trim()) ?? []
  if (base64 === undefined) throw credentialInvalid(malformed)
  const text = decoded(base64)
  const colon = text.indexOf(':')
  if (colon === -1) throw credentialInvalid(malformed)
  return { id: text.slice(0, colon), secret: text.slice(colon + 1) }
}

function decoded(base64: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(base64, 'base64'))
  } catch {
    throw credentialInvalid(malformed)
  }
}
