import { domainToASCII } from 'node:url'

/** An address as SMTP takes it. */
export interface Address {
  readonly address: string
  /** Whether only a server that offers SMTPUTF8 can take it (RFC 6531). */
  readonly needsUtf8: boolean
}

// RFC 5321 §4.1.2, Dot-string only, with the letters of RFC 6531: no quotes, comments, lists or display names.
const localPart = /^[^\s\p{C}\p{Z}"(),:;<>@[\\\].]+(?:\.[^\s\p{C}\p{Z}"(),:;<>@[\\\].]+)*$/u
const asciiDomain =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i
const ascii = /^[\u0000-\u007F]*$/

/**
 * Reads one bare address; its domain becomes A-labels, which any server takes.
 *
 * @returns `undefined` where it is none: what an address is not may be a line of SMTP or a header
 */
export function addressOf(text: string): Address | undefined {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, Math.max(at, 0))
  const rest = text.slice(at + 1)
  // a slash or a percent sign would be taken for a part of a URL
  const domain = /[/?#%:\s]/.test(rest) ? '' : domainToASCII(rest)
  const isOne = localPart.test(local) && Buffer.byteLength(local) <= 64 && asciiDomain.test(domain)
  const address = `${local}@${domain}`
  return isOne && Buffer.byteLength(address) <= 254 ? { address, needsUtf8: !ascii.test(local) } : undefined
}
