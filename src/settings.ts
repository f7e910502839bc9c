import { isIP, isIPv4 } from 'node:net'

/** A setting that makes no sense. Its message is one sentence for the operator and holds no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** What a setting may hold. */
export interface Kind<T> {
  /** Ends the sentence "NAME must be …". */
  readonly accepts: string
  /** Set where the value may hold a password, so that no error quotes it. */
  readonly secret?: true
  /** @returns the value, or undefined where the text makes no sense */
  readonly parse: (text: string) => T | undefined
}

/** Reads settings by name. A blank setting is one that is not set. */
export interface Settings {
  /** @throws ConfigError If the value makes no sense. */
  readonly one: <T>(name: string, kind: Kind<T>) => T | undefined
  /** A comma-separated list, in which blank entries do not count. */
  readonly list: <T>(name: string, kind: Kind<T>) => readonly T[] | undefined
}

/** The settings that stand in an environment. */
export function settingsOf(env: NodeJS.ProcessEnv): Settings {
  return {
    one: (name, kind) => entriesOf([env[name] ?? ''], name, kind)[0],
    list: (name, kind) => {
      const entries = entriesOf(env[name]?.split(',') ?? [], name, kind)
      return entries.length === 0 ? undefined : entries
    },
  }
}

function entriesOf<T>(texts: readonly string[], name: string, kind: Kind<T>): readonly T[] {
  const filled = texts.map((entry) => entry.trim()).filter((entry) => entry !== '')
  return filled.map((entry) => {
    const value = kind.parse(entry)
    if (value === undefined)
      throw new ConfigError(`${name} must be ${kind.accepts}, but has ${shown(entry, kind)}`)
    return value
  })
}

/** Of URLs, what stands before the `@` may be a password, and what follows the `?` a key. */
function shown(entry: string, { secret }: Kind<unknown>): string {
  if (secret) return 'something else (not shown, it may hold a password)'
  const harmless = entry
    .replace(/^.*@/s, '…@')
    .replace(/\?.*$/s, '?…')
    .replace(/\p{Cc}/gu, ' ')
  return harmless.length > 100 ? `${harmless.slice(0, 100)}…` : harmless
}

/** Any text at all. */
export const text: Kind<string> = { accepts: 'a text', parse: (value) => value }

/** A whole number within bounds. */
export function wholeNumber(least: number, most: number): Kind<number> {
  return {
    accepts: `a whole number from ${least} to ${most}`,
    parse: (value) => within(/^\d+$/.test(value) ? Number(value) : NaN, least, most),
  }
}

function within(value: number, least: number, most: number): number | undefined {
  return value >= least && value <= most ? value : undefined
}

const units: Readonly<Record<string, number>> = {
  ...{ b: 1, kb: 1e3, mb: 1e6, gb: 1e9 },
  ...{ kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 },
}

/** A number of bytes: `1048576`, `1 MiB`, `1MB`. */
export const bytes: Kind<number> = {
  accepts: 'a number of bytes such as 268435456, 256 MiB or 250 MB',
  parse: (value) => {
    const [, digits, unit = 'b'] = /^(\d+)\s*([a-z]+)?$/i.exec(value) ?? []
    return within(Number(digits) * (units[unit.toLowerCase()] ?? NaN), 1, Number.MAX_SAFE_INTEGER)
  },
}

/** One of a few names, in any letter case. */
export function oneOf<T extends string>(names: readonly T[]): Kind<T> {
  return {
    accepts: `one of ${names.join(', ')}`,
    parse: (value) => names.find((name) => name.toLowerCase() === value.toLowerCase()),
  }
}

/** A label of a domain name, in lower case (RFC 1123). */
export function isLabel(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
}

/** A domain name, as it is compared: in lower case and without a dot at the end. */
export const domain: Kind<string> = {
  accepts: 'a domain name such as portals.example.com, without scheme and port',
  parse: (value) => {
    const name = value.toLowerCase().replace(/\.$/, '')
    // a name whose last label is a number would be read as an IPv4 address
    const isName = name.length <= 253 && name.split('.').every(isLabel) && !/(^|\.)\d+$/.test(name)
    return isName ? name : undefined
  },
}

/** What a server can listen on. */
export const listenAddress: Kind<string> = {
  accepts: 'an IP address or a host name',
  parse: (value) => (isIP(value) > 0 ? value : domain.parse(value)),
}

/** Tells whether a host name or an address, in brackets or not, can only mean this machine. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'))
}

/** An http or https URL without user, password and fragment that keeps a further rule. */
export function webUrl(accepts: string, allows: (url: URL) => boolean): Kind<URL> {
  return {
    accepts,
    parse: (value) => {
      const url = URL.canParse(value) ? new URL(value) : undefined
      if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname.includes('*')) return undefined
      return url.username + url.password + url.hash === '' && allows(url) ? url : undefined
    },
  }
}

/** An IP address, or a network as `address/bits`; but not the network of all addresses. */
export const network: Kind<string> = {
  accepts: 'a list of IP addresses or networks such as 10.0.0.0/8',
  parse: (value) => {
    const [, ip = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value) ?? []
    const most = isIPv4(ip) ? 32 : isIP(ip) === 6 ? 128 : 0
    return within(Number(bits ?? most), 1, most) === undefined ? undefined : value
  },
}

/** A server that takes letters for others, as SMTP_URL names it. */
export interface SmtpServer {
  readonly host: string
  readonly port: number
  /** TLS from the first byte; else by STARTTLS where the server offers it. */
  readonly secure: boolean
  /** Whether nothing is sent where the server does not offer STARTTLS. */
  readonly requireTls: boolean
  readonly login: { readonly user: string; readonly password: string } | undefined
}

/**
 * A mail server: `smtps://` on port 465, `smtp://` on port 587 with STARTTLS where it is offered. A password is
 * only sent over TLS, but to this machine or with `?requireTLS=false`; `?requireTLS=true` asks for TLS without one.
 */
export const smtpUrl: Kind<SmtpServer> = {
  accepts: 'a URL such as smtps://user:password@mail.example.com:465, its only option requireTLS',
  secret: true,
  parse: (value) => {
    if (!/^smtps?:\/\/[^\s]+$/i.test(value) || !URL.canParse(value)) return undefined
    const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(value)
    const secure = protocol === 'smtps:'
    const host = mailHost(hostname)
    const login = loginOf(username, password)
    const asked = /^\?requireTLS=(true|false)$/.exec(search)?.[1]
    if (host === undefined || login === 'half' || port === '0' || !['', '/'].includes(pathname))
      return undefined
    if (hash !== '' || (search !== '' && asked === undefined)) return undefined
    const requireTls = asked === undefined ? login !== undefined && !isLoopback(host) : asked === 'true'
    return { host, port: port === '' ? (secure ? 465 : 587) : Number(port), secure, requireTls, login }
  },
}

function mailHost(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) > 0 ? bare : domain.parse(bare)
}

/** Both or none: `half` of a login is a mistake. */
function loginOf(username: string, password: string): SmtpServer['login'] | 'half' {
  if (username === '' && password === '') return undefined
  try {
    const login = { user: decodeURIComponent(username), password: decodeURIComponent(password) }
    return login.user === '' || login.password === '' ? 'half' : login
  } catch {
    return 'half'
  }
}

/** Who sends letters. */
export interface Mailbox {
  /** Shown beside the address; may be empty. */
  readonly name: string
  readonly address: string
}

/** An address of ASCII, which every mail server takes, with or without a name. */
export const mailbox: Kind<Mailbox> = {
  accepts: 'an e-mail address such as rollcall@example.com, or Rollcall <rollcall@example.com>',
  parse: (value) => {
    const named = /^"?([^"<>\p{Cc}]{0,100}?)"?\s*<([^<>]+)>$/u.exec(value)
    const [name = '', address = ''] = named === null ? ['', value] : [named[1]?.trim(), named[2]]
    const [, local, host = ''] = /^([\w!#$%&'*+/=?^`{|}~.-]{1,64})@([^@]+)$/.exec(address) ?? []
    const there = domain.parse(host)
    if (local === undefined || there === undefined || local.split('.').includes('')) return undefined
    return { name, address: `${local}@${there}` }
  },
}
