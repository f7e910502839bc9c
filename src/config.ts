import { resolve } from 'node:path'
import * as kinds from './settings.ts'
import { ConfigError, isLoopback, settingsOf, webUrl } from './settings.ts'
import type { Kind, Mailbox, Settings, SmtpServer } from './settings.ts'

export { ConfigError }

const asymmetric = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** Where the users are kept. */
export type DatabaseConfig =
  | { readonly kind: 'embedded'; readonly dataDir: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly migrationUrl: string }

/** An issuer of tokens elsewhere, whose keys are at `jwksUrl`. */
export interface RemoteIssuerConfig {
  readonly kind: 'remote'
  readonly issuer: string
  readonly audience: string
  readonly jwksUrl: string
  readonly algorithms: readonly string[]
}

/** Who signs the tokens of callers; without an issuer it is a key of the service's own, in `dataDir`. */
export type IssuerConfig = { readonly kind: 'own'; readonly dataDir: string } | RemoteIssuerConfig

/** An organization that is made at start where it does not exist; one without an id is given one. */
export interface OrganizationConfig {
  readonly slug: string
  readonly id: number | undefined
}

/** Who carries letters, and in whose name. */
export interface MailConfig {
  readonly server: SmtpServer
  readonly from: Mailbox
}

/** Every setting of the service, checked and frozen. */
export interface Config {
  /** 0 means any free port. */
  readonly port: number
  readonly host: string
  readonly database: DatabaseConfig
  /** In lower case; organizations are one label below it. */
  readonly portalDomain: string
  /** Where people find the service, without a slash at the end. Where port is 0 it lacks the port. */
  readonly publicUrl: string
  readonly issuer: IssuerConfig
  readonly organizations: readonly OrganizationConfig[]
  readonly maxUploadBytes: number
  readonly maxRows: number
  /** Without it letters are written to the log. */
  readonly mail: MailConfig | undefined
  /** Imports at once, over all processes: in all, and of one organization. */
  readonly maxImports: number
  readonly maxImportsPerOrganization: number
  /** How many days, and up to how many bytes of an organization, results of imports are kept. */
  readonly receiptDays: number
  readonly receiptBytes: number
  /** IP addresses, and networks as `address/bits`. */
  readonly trustedProxies: readonly string[]
  /** Origins as browsers send them. */
  readonly allowedOrigins: readonly string[]
  readonly logLevel: (typeof logLevels)[number]
}

/**
 * Reads the settings from an environment; nothing else in the service does.
 *
 * @throws ConfigError If a setting makes no sense.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const settings = settingsOf(env)
  const { one, list } = settings
  const port = one('PORT', kinds.wholeNumber(0, 65_535)) ?? 3000
  const host = one('HOST', kinds.listenAddress) ?? '127.0.0.1'
  const dataDir = resolve(one('DATA_DIR', kinds.text) ?? '.data')
  const portalDomain = one('PORTAL_DOMAIN', kinds.domain) ?? 'localhost'
  const database = readDatabase(settings, dataDir)
  return deepFreeze({
    port,
    host,
    database,
    portalDomain,
    publicUrl: one('PUBLIC_URL', baseUrl)?.href.replace(/\/+$/, '') ?? publicUrlOf(portalDomain, port),
    issuer: readRemoteIssuer(settings) ?? ownIssuer({ host, portalDomain, dataDir }),
    organizations:
      readOrganizations(settings) ?? (database.kind === 'embedded' ? [{ slug: 'helping-hands', id: 1 }] : []),
    maxUploadBytes: one('MAX_UPLOAD_BYTES', kinds.bytes) ?? 256 * 2 ** 20,
    maxRows: one('MAX_ROWS', kinds.wholeNumber(1, maxInt32)) ?? 1_000_000,
    mail: readMail(settings),
    maxImports: one('MAX_IMPORTS', kinds.wholeNumber(1, maxInt32)) ?? 64,
    maxImportsPerOrganization: one('MAX_IMPORTS_PER_ORGANIZATION', kinds.wholeNumber(1, maxInt32)) ?? 16,
    receiptDays: one('RECEIPT_DAYS', kinds.wholeNumber(1, 36_500)) ?? 7,
    receiptBytes: one('RECEIPT_BYTES', kinds.bytes) ?? 5 * 2 ** 30,
    trustedProxies: list('TRUSTED_PROXIES', kinds.network) ?? [],
    allowedOrigins: list('ALLOWED_ORIGINS', origin)?.map((url) => url.origin) ?? [],
    logLevel: one('LOG_LEVEL', kinds.oneOf(logLevels)) ?? 'info',
  })
}

const maxInt32 = 2 ** 31 - 1
const baseUrl = webUrl('an http or https URL without a query', ({ search }) => search === '')
const origin = webUrl(
  'a list of origins such as https://portal.example.com',
  (url) => url.href === `${url.origin}/`,
)
const keySetUrl = webUrl(
  'an https URL, or an http URL on loopback',
  ({ protocol, hostname }) => protocol === 'https:' || isLoopback(hostname),
)
const postgresUrl: Kind<string> = {
  accepts: 'a URL such as postgresql://user:password@host:5432/database',
  secret: true,
  parse: (value) => (/^postgres(ql)?:\/\//i.test(value) && URL.canParse(value) ? value : undefined),
}
const organization: Kind<OrganizationConfig> = {
  accepts: 'a list of slug or slug:id such as helping-hands:1, with slugs of a-z, 0-9 and -',
  parse: (value) => {
    const [, slug = '', digits] = /^([^:]+)(?::([1-9]\d{0,9}))?$/.exec(value) ?? []
    const id = digits === undefined ? undefined : Number(digits)
    return kinds.isLabel(slug) && (id ?? 0) <= maxInt32 ? { slug, id } : undefined
  },
}

/** A domain of one's own is served over TLS by a proxy, so the port of this process is not in its links. */
function publicUrlOf(portalDomain: string, port: number): string {
  if (portalDomain !== 'localhost') return `https://${portalDomain}`
  return port === 0 ? 'http://localhost' : new URL(`http://localhost:${port}`).origin
}

function readDatabase({ one }: Settings, dataDir: string): DatabaseConfig {
  const url = one('DATABASE_URL', postgresUrl)
  const migrationUrl = one('MIGRATION_DATABASE_URL', postgresUrl)
  if (url !== undefined) return { kind: 'postgres', url, migrationUrl: migrationUrl ?? url }
  if (migrationUrl === undefined) return { kind: 'embedded', dataDir }
  throw new ConfigError('DATABASE_URL must be set where MIGRATION_DATABASE_URL is, but has nothing')
}

function readRemoteIssuer({ one, list }: Settings): RemoteIssuerConfig | undefined {
  const algorithms = list('JWT_ALGORITHMS', kinds.oneOf(asymmetric))
  const issuer = one('JWT_ISSUER', kinds.text)
  const audience = one('JWT_AUDIENCE', kinds.text)
  const jwksUrl = one('JWKS_URL', keySetUrl)?.href
  if (issuer !== undefined && audience !== undefined && jwksUrl !== undefined)
    return { kind: 'remote', issuer, audience, jwksUrl, algorithms: algorithms ?? ['RS256'] }
  if ([issuer, audience, jwksUrl, algorithms].every((setting) => setting === undefined)) return undefined
  const together = Object.entries({ JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWKS_URL: jwksUrl })
  const [missing = ''] = together.find(([, setting]) => setting === undefined) ?? []
  throw new ConfigError(`${missing} must be set where another setting of the issuer is, but has nothing`)
}

/** There is no address that mail servers would take from everybody, so nobody is given one. */
function readMail({ one }: Settings): MailConfig | undefined {
  const server = one('SMTP_URL', kinds.smtpUrl)
  const from = one('MAIL_FROM', kinds.mailbox)
  if (server !== undefined && from !== undefined) return { server, from }
  if (server === undefined && from === undefined) return undefined
  const [missing, other] = server === undefined ? ['SMTP_URL', 'MAIL_FROM'] : ['MAIL_FROM', 'SMTP_URL']
  throw new ConfigError(`${missing} must be set where ${other} is, but has nothing`)
}

interface Surroundings {
  readonly host: string
  readonly portalDomain: string
  readonly dataDir: string
}

/** Whoever can read `dataDir` can make himself an owner: fit for one's own machine, not for a network. */
function ownIssuer({ host, portalDomain, dataDir }: Surroundings): IssuerConfig {
  if (portalDomain === 'localhost' && isLoopback(host)) return { kind: 'own', dataDir }
  const open = portalDomain === 'localhost' ? `HOST ${host}` : `PORTAL_DOMAIN ${portalDomain}`
  throw new ConfigError(
    `JWT_ISSUER must be set unless PORTAL_DOMAIN is localhost and HOST a loopback address, but has nothing with ${open}`,
  )
}

function readOrganizations({ list }: Settings): readonly OrganizationConfig[] | undefined {
  const organizations = list('ORGANIZATIONS', organization)
  for (const key of ['slug', 'id'] as const) {
    const values = organizations?.map((one) => one[key]).filter((value) => value !== undefined) ?? []
    const repeated = values.find((value, index) => values.indexOf(value) !== index)
    if (repeated !== undefined)
      throw new ConfigError(
        `ORGANIZATIONS must be a list without repeated slugs and ids, but has ${repeated} twice`,
      )
  }
  return organizations
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const part of Object.values(value))
    if (typeof part === 'object' && part !== null) deepFreeze(part as object)
  return Object.freeze(value)
}
