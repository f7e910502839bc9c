import { isIPv4, isIPv6 } from 'node:net'
import { ServiceError } from '../errors.ts'

/** Counts wrong secrets per address, over all processes of the service. */
export interface WrongAttempts {
  /**
   * Counts one more of a network, as {@link networkOf} names it.
   *
   * @returns after how many seconds another is told that it is wrong, where there were too many; `undefined` where
   *   there were not, or it can't be counted because the database is in trouble
   */
  count(network: string): Promise<number | undefined>
}

/** @param seconds - after how many it makes sense to try again */
export function tooManyAttempts(seconds: number): ServiceError {
  return new ServiceError(
    'attempts.too_many',
    'Too many wrong secrets came from your address: look up the right one, which is taken at once, ' +
      `or try again in ${seconds} seconds.`,
    { headers: { 'Retry-After': String(seconds) } },
  )
}

/**
 * Whose address it is: an IPv4 address, also one that is written as IPv6 (RFC 4291 §2.5.5.2); of an IPv6 address
 * the first 64 bits, since whoever has one has all that begin with them. `unknown` for everything else.
 *
 * @param address - may have a port, as some proxies write it, or a zone
 */
export function networkOf(address = ''): string {
  const bare = address
    .replace(/^\[([^\]]*)\](?::\d+)?$/, '$1')
    .replace(/^([\d.]+):\d+$/, '$1')
    .replace(/%.*$/, '')
  if (isIPv4(bare)) return bare
  if (!isIPv6(bare)) return 'unknown'
  const groups = groupsOf(bare)
  if (groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff') return embeddedAddress(groups.slice(6))
  return `${groups.slice(0, 4).join(':')}::/64`
}

/** The eight groups of an IPv6 address, in the one form that URLs have (RFC 5952), without `::`. */
function groupsOf(address: string): readonly string[] {
  const [head = [], tail = []] = new URL(`http://[${address}]`).hostname
    .slice(1, -1)
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''))
  return [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
}

function embeddedAddress(groups: readonly string[]): string {
  return groups
    .map((group) => parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.')
}
