import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeIssuer, makeKey, sign, type IssuerKey } from '../../auth/fake-issuer.ts'
import { startMailServer, type MailServer } from '../../mail/mail-server.ts'
import type { PostgresServer } from '../../support/postgres-server.ts'
import { startProcess, type ServiceProcess } from '../../support/process.ts'
import { DatabaseView } from '../database.ts'
import { lineTellsTooMuch } from '../oracle/secrets.ts'
import { startAudit } from './audit.ts'

/** How a workshop is furnished. */
export interface WorkshopOptions {
  /** Of its database; letters, digits and `_`. */
  readonly name: string
  readonly organizations: number
  readonly workers: number
}

/** What it takes to call for an organization. */
export interface Caller {
  readonly organization: number
  /** For the header `Authorization`, with a token of an owner. */
  readonly bearer: string
  /** For the same header, with a credential of the kind basic. */
  readonly basic: string
}

/** A process that only works, and the role by which the database knows it. */
export interface Hand {
  readonly role: string
  readonly process: ServiceProcess
}

/** One web process, some worker processes and a mail server, on a database of their own. */
export class Workshop {
  readonly database: DatabaseView
  readonly callers: readonly Caller[]
  #mail: MailServer
  readonly #server: PostgresServer
  readonly #options: WorkshopOptions
  readonly #folder: string
  readonly #issuer: FakeIssuer
  readonly #url: URL
  readonly #hands: (Hand | undefined)[] = []
  readonly #all: ServiceProcess[] = []
  #web: ServiceProcess
  #address = ''

  private constructor(parts: Furnished) {
    this.#server = parts.server
    this.#options = parts.options
    this.#folder = parts.folder
    this.#issuer = parts.issuer
    this.#url = parts.url
    this.#mail = parts.mail
    this.callers = parts.callers
    this.database = new DatabaseView(parts.url.href)
    this.#web = this.#start('postgres', 'web')
  }

  /** Opens it on a server, in a new database; organizations are `org-1` with the id 1, and so on. */
  static async open(server: PostgresServer, options: WorkshopOptions): Promise<Workshop> {
    const furnished = await furnish(server, options)
    const workshop = new Workshop(furnished)
    try {
      await workshop.#web.ready()
      workshop.#address = await workshop.#web.url()
      await workshop.#admit(furnished.secrets)
      await startAudit(workshop.database)
      for (let index = 0; index < options.workers; index += 1) await workshop.startWorker(index)
      return workshop
    } catch (error) {
      await workshop.close()
      throw error
    }
  }

  /** Credentials as the command would have made them. */
  async #admit(secrets: readonly Secret[]): Promise<void> {
    for (const { organization, id, secret } of secrets) {
      await this.database.query(
        `insert into credentials (organization_id, id, kind, role, secret_sha256, contact, expires_at)
         values ($1, $2, 'basic', 'organization_owner', $3, $4, now() + interval '1 day')`,
        [organization, id, createHash('sha256').update(secret).digest(), contactOf(organization)],
      )
    }
  }

  #start(role: string, duty: 'web' | 'worker'): ServiceProcess {
    const url = new URL(this.#url)
    url.username = role
    const organizations = this.callers.map(({ organization }) => `org-${organization}:${organization}`)
    const { issuer, audience, jwksUrl } = this.#issuer.settings
    const settings = {
      DATABASE_URL: url.href,
      DATA_DIR: join(this.#folder, 'data'),
      TMPDIR: this.#folder,
      ORGANIZATIONS: organizations.join(),
      JWT_ISSUER: issuer,
      JWT_AUDIENCE: audience,
      JWKS_URL: jwksUrl,
      SMTP_URL: `smtp://127.0.0.1:${this.#mail.port}`,
      MAIL_FROM: 'rollcall@letters.example',
    }
    const process = startProcess(settings, 'src/main.ts', [duty])
    this.#all.push(process)
    return process
  }

  /** What any of the processes has said that is nobody's business. */
  told(): readonly string[] {
    const lines = this.#all.flatMap((process) => process.stdout().split('\n'))
    const secrets = this.callers.flatMap(({ bearer, basic }) => [bearer, basic])
    const told = lines.flatMap((line) => {
      const what = line.startsWith('{') ? lineTellsTooMuch(line, secrets) : undefined
      return what === undefined ? [] : [`the log tells ${what}: ${line.slice(0, 600)}`]
    })
    const errors = this.#all.map((process) => process.stderr()).filter((text) => text !== '')
    return [...told, ...errors.map((text) => `standard error says ${text.slice(0, 400)}`)]
  }

  /** Where the web process listens. */
  get address(): string {
    return this.#address
  }

  /** The mail server that is there now. */
  get mail(): MailServer {
    return this.#mail
  }

  /** Ends the mail server: whoever connects is refused. */
  async closeMail(): Promise<void> {
    await this.#mail.close()
  }

  /** Starts another mail server where the first one was. */
  async openMail(): Promise<void> {
    this.#mail = await startMailServer({}, this.#mail.port)
  }

  get workers(): number {
    return this.#options.workers
  }

  /** The worker of this number, if it was not ended by this workshop. */
  hand(index: number): Hand | undefined {
    return this.#hands[index]
  }

  /** Starts a worker under a new role, so that the database can tell it from the one before; waits until it works. */
  async startWorker(index: number): Promise<void> {
    const role = `worker_${index}_${randomBytes(4).toString('hex')}`
    await this.database.query(`create role ${role} superuser login`)
    const process = this.#start(role, 'worker')
    this.#hands[index] = { role, process }
    await process.ready()
  }

  /** Ends a worker by SIGKILL. @returns its role */
  async killWorker(index: number): Promise<string> {
    const hand = this.#hands[index]
    this.#hands[index] = undefined
    await hand?.process.kill()
    return hand?.role ?? ''
  }

  /** Tells a worker to stop and waits until it has. @returns its role */
  async stopWorker(index: number): Promise<string> {
    const hand = this.#hands[index]
    this.#hands[index] = undefined
    hand?.process.child.kill('SIGTERM')
    await hand?.process.exit
    return hand?.role ?? ''
  }

  /** Ends all processes of PostgreSQL at once and starts it again. */
  crashDatabase(): Promise<void> {
    return this.#server.crash()
  }

  async close(): Promise<void> {
    for (const hand of this.#hands) {
      hand?.process.child.kill('SIGCONT')
      await hand?.process.kill()
    }
    await this.#web.kill()
    await this.database.close()
    await this.#mail.close()
    await this.#issuer.close()
    await rm(this.#folder, { recursive: true, force: true })
    const server = new DatabaseView(this.#server.url)
    await server.query(`drop database ${this.#options.name} with (force)`)
    await server.close()
  }
}

interface Secret {
  readonly organization: number
  readonly id: string
  readonly secret: string
}

interface Furnished {
  readonly server: PostgresServer
  readonly options: WorkshopOptions
  readonly folder: string
  readonly url: URL
  readonly issuer: FakeIssuer
  readonly mail: MailServer
  readonly callers: readonly Caller[]
  readonly secrets: readonly Secret[]
}

async function furnish(server: PostgresServer, options: WorkshopOptions): Promise<Furnished> {
  const url = new URL(server.url)
  url.pathname = `/${options.name}`
  const admin = new DatabaseView(server.url)
  await admin.query(`create database ${options.name}`)
  await admin.close()
  const issuer = new FakeIssuer()
  await issuer.listen()
  const key = await makeKey('only')
  issuer.published = [key.jwk]
  const numbers = Array.from({ length: options.organizations }, (_, index) => index + 1)
  const secrets = numbers.map((organization) => ({
    organization,
    id: randomBytes(8).toString('hex'),
    secret: `rcb_${randomBytes(32).toString('base64url')}`,
  }))
  return {
    server,
    options,
    url,
    issuer,
    secrets,
    folder: await mkdtemp(join(tmpdir(), 'rollcall-workshop-')),
    mail: await startMailServer(),
    callers: await Promise.all(secrets.map((secret) => callerOf(issuer, key, secret))),
  }
}

const DAY = 86_400

async function callerOf(
  { settings }: FakeIssuer,
  key: IssuerKey,
  { organization, id, secret }: Secret,
): Promise<Caller> {
  const token = await sign(key, {
    iss: settings.issuer,
    aud: settings.audience,
    exp: Math.floor(Date.now() / 1_000) + DAY,
    sub: `owner-of-${organization}`,
    organization: `org-${organization}`,
    roles: ['organization_owner'],
    email: contactOf(organization),
  })
  const basic = Buffer.from(`${id}:${secret}`).toString('base64')
  return { organization, bearer: `Bearer ${token}`, basic: `Basic ${basic}` }
}

const contactOf = (organization: number): string => `contact-${organization}@letters.example`
