import { isIP } from 'node:net'

/** Tells whether a text can be the slug of an organization: one label of a domain name, in lower case. */
export function isSlug(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text)
}

/**
 * The slug of the organization that a request is for.
 *
 * @param host - the request's host, with or without a port
 * @param portalDomain - in lower case, without a dot at the end
 * @param tokenOrganization - the organization where the host names none: on the bare domain, `localhost` or an address
 * @returns undefined where the host is no part of the portal
 */
export function organizationOf(
  host: string,
  portalDomain: string,
  tokenOrganization: string,
): string | undefined {
  const name = host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
  if (name === portalDomain || name === 'localhost' || isAddress(name)) return tokenOrganization
  const slug = name.slice(0, -portalDomain.length - 1)
  return name === `${slug}.${portalDomain}` && isSlug(slug) ? slug : undefined
}

function isAddress(name: string): boolean {
  return isIP(name) === 4 || (/^\[.*\]$/.test(name) && isIP(name.slice(1, -1)) === 6)
}
