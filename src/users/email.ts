import { parsedUrl } from './rules.ts'
import { caseless } from './text.ts'

// RFC 5321 §4.1.2 Dot-string with the letters, marks and digits of RFC 6531 §3.3
const localPart = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u
const domainCharacters = /^[\p{L}\p{M}\p{N}.\u3002-]+$/u
// RFC 5321 §4.5.3.1: a domain of labels as RFC 1123 §2.1 has them, the last one not a number
const dottedDomain =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

const ascii = /^[\u0000-\u007F]*$/

const utf8 = new TextEncoder()

/** The domain in A-labels and lower case (UTS #46, as URLs have it), or `undefined` where it is none. */
function asciiDomain(domain: string): string | undefined {
  if (!domainCharacters.test(domain)) return undefined
  const lower = domain.toLowerCase()
  // The URL parser takes `1.2.3` and `0x7f.1` for IPv4 addresses; what is ASCII needs no conversion.
  if (ascii.test(domain)) return lower
  return parsedUrl(`http://${lower}`)?.hostname
}

/**
 * An e-mail address without quotes, comments and literals, as it was sent; `undefined` where it is none.
 * Its length is limited first, so that no pattern ever meets a long value.
 */
export function canonicalEmail(value: string): string | undefined {
  if (value.length > 254 || utf8.encode(value).length > 254) return undefined
  const at = value.lastIndexOf('@')
  const local = value.slice(0, Math.max(at, 0))
  if (at < 1 || utf8.encode(local).length > 64 || !localPart.test(local)) return undefined
  const domain = asciiDomain(value.slice(at + 1))
  return domain !== undefined && domain.length <= 253 && dottedDomain.test(domain) ? value : undefined
}

/** The form in which two addresses are compared: NFC, lower case, the domain in A-labels. */
export function emailKey(email: string): string {
  if (ascii.test(email)) return email.toLowerCase()
  const at = email.lastIndexOf('@')
  const domain = email.slice(at + 1)
  return `${caseless(email.slice(0, at))}@${asciiDomain(domain) ?? caseless(domain)}`
}

/** How to mend an address that was refused, where the cause is plain. */
export function emailHint(value: string): string | undefined {
  if (value.length > 1_000) return undefined
  const parts = value.split(/[,;|\s]+/).filter((part) => part !== '')
  if (parts.length > 1 && parts.every(isEmail)) return 'a user has one address: leave only one of them'
  const inBrackets = /<([^<>]+)>$/.exec(value)?.[1]
  const bare = inBrackets ?? value.replace(/^mailto:/i, '').replace(/[.,;]+$/, '')
  const likely = [bare, bare.replace(/\s*[([{]at[)\]}]\s*/i, '@'), bare.replace(/(@[^@]*),(?=[^,]*$)/, '$1.')]
  const address = likely.find(isEmail)
  return address === undefined ? undefined : `is it ${address}?`
}

const isEmail = (value: string): boolean => canonicalEmail(value) !== undefined
