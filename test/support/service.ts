import { jest } from '@jest/globals'
import knex, { type Knex } from 'knex'
import { createLog } from '../../src/log.ts'
import type { Duties, Parts } from '../../src/compose.ts'
import { readConfig } from '../../src/config.ts'
import * as database from '../../src/db/database.ts'
import { connectionLimits, type ConnectionLimits } from '../../src/http/connections.ts'
import { listen, type RunningServer } from '../../src/http/server.ts'
import { claimsAt, FakeIssuer, makeKey, sign, type IssuerKey } from '../auth/fake-issuer.ts'
import { newPlace, type Place } from './database.ts'

export const importPath = '/api/import/organization/users'

/** Who a token of the tests is for; all of it has a default. */
export interface TokenFor {
  readonly role?: string
  readonly subject?: string
  readonly email?: string | undefined
  /** Said by the issuer elsewhere only. */
  readonly emailVerified?: boolean
  readonly organization?: string
}

export interface PostOptions {
  /** Without the question mark. */
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Default: an owner's. */
  readonly token?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Exactly the bytes that came, a byte-order mark too. */
  readonly bytes: Buffer
  readonly text: string
}

/** The service in this process, on a database of its own. */
export interface Service {
  readonly url: string
  readonly port: number
  /** Looks into the tables: on a connection of its own where there is a server. */
  readonly knex: Knex
  /** The issuer elsewhere, where it was asked for. */
  readonly issuer: FakeIssuer | undefined
  /** All that was logged so far. */
  readonly logged: () => string
  token(claims?: TokenFor): Promise<string>
  post(body: string | Uint8Array, options?: PostOptions): Promise<Answer>
  /** As on SIGTERM: refuses new imports, and waits for the running ones for `patience` milliseconds. */
  stop(patience: number): Promise<void>
  close(): Promise<void>
}

export interface ServiceOptions {
  /** Settings, as they stand in the environment. */
  readonly settings?: Readonly<Record<string, string>>
  /** Whether tokens come from an issuer elsewhere, a real server of a key set. */
  readonly remoteIssuer?: boolean
  /** Whether to wait until the database is ready. Default `true`. */
  readonly prepared?: boolean
  /** How long connections are kept. Default: as the service keeps them. */
  readonly limits?: ConnectionLimits
  /** What the process does. Default: everything. */
  readonly duties?: Duties
  /** Where its database is, for who starts one service after the other on it and removes it himself. */
  readonly place?: Place
}

const opened: database.Database[] = []

/** Embedded, the database lets one process in, and one connection: so the tests look through the service's own. */
jest.unstable_mockModule('../../src/db/database.ts', () => ({
  ...database,
  openDatabase: async (settings: database.DatabaseSettings) => {
    const one = await database.openDatabase(settings)
    opened.push(one)
    return one
  },
}))

/** Starts the service on a free port. The organizations are helping-hands (1) and other-org (2). */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const { compose } = await import('../../src/compose.ts')
  const place = options.place ?? (await newPlace())
  const remote = options.remoteIssuer === true ? await startIssuer() : undefined
  const lines: string[] = []
  const log = createLog('trace', { write: (line: string) => void lines.push(line) })
  const config = readConfig({
    ...place.env,
    ...remote?.settings,
    PORT: '0',
    ORGANIZATIONS: 'helping-hands:1,other-org:2',
    ...options.settings,
  })
  opened.length = 0
  const parts = await compose(config, log, options.duties)
  const [own] = opened
  const preparing = parts.prepare()
  if (options.prepared !== false) await preparing
  let stopping = false
  const limits = options.limits ?? connectionLimits
  const server = await listen(parts.app, { ...config, limits, stopping: () => stopping })
  const direct = directly(place, own!)
  const signed = remote?.token ?? ownToken(parts)
  const running = { url: server.url, port: Number(new URL(server.url).port), token: signed }
  return {
    ...running,
    knex: direct,
    issuer: remote?.issuer,
    logged: () => lines.join(''),
    post: async (body, given = {}) => post(server.url, given.token ?? (await signed()), body, given),
    stop: async (patience) => {
      stopping = true
      parts.refuseNew()
      await server.stop(patience)
    },
    close: async () => {
      parts.refuseNew()
      await closeAll(server, parts, preparing)
      if (direct !== own!.knex) await direct.destroy()
      await remote?.issuer.close()
      if (options.place === undefined) await place.remove()
    },
  }
}

async function closeAll(server: RunningServer, parts: Parts, preparing: Promise<void>): Promise<void> {
  await server.stop(100).catch(() => undefined)
  await preparing.catch(() => undefined)
  await parts.close()
}

function directly({ settings }: Place, own: database.Database): Knex {
  if (settings.kind === 'embedded') return own.knex
  return knex({ client: 'pg', connection: settings.url, pool: { min: 0, max: 2 } })
}

function ownToken({ ownIssuer }: Parts) {
  return ({ role, subject, email, organization }: TokenFor = {}): Promise<string> =>
    ownIssuer!.sign({
      organization: organization ?? 'helping-hands',
      subject: subject ?? 'nobody',
      email,
      roles: [role ?? 'organization_owner'],
      expiresIn: 3_600,
    })
}

async function startIssuer() {
  const issuer = new FakeIssuer()
  await issuer.listen()
  const key: IssuerKey = await makeKey('key-1')
  issuer.published = [key.jwk]
  const { issuer: name, audience, jwksUrl } = issuer.settings
  const token = ({ role, subject, email, emailVerified, organization }: TokenFor = {}): Promise<string> =>
    sign(
      key,
      claimsAt(Date.now(), {
        sub: subject ?? 'nobody',
        email,
        email_verified: emailVerified,
        organization: organization ?? 'helping-hands',
        roles: [role ?? 'organization_owner'],
      }),
    )
  return { issuer, token, settings: { JWT_ISSUER: name, JWT_AUDIENCE: audience, JWKS_URL: jwksUrl } }
}

async function post(
  url: string,
  token: string,
  body: string | Uint8Array,
  options: PostOptions,
): Promise<Answer> {
  const query = options.query === undefined ? '' : `?${options.query}`
  const answer = await fetch(`${url}${importPath}${query}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'text/csv', ...options.headers },
    body,
  })
  const bytes = Buffer.from(await answer.arrayBuffer())
  return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString() }
}
