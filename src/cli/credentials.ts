import { roles } from '../auth/caller.ts'
import { credentialKinds, makeCredential, type Credential } from '../auth/credentials.ts'
import { isSlug } from '../auth/organization.ts'
import type { Administration } from '../administer.ts'
import { ConfigError, readConfig, type Config } from '../config.ts'
import { RefusedStart, ServiceError } from '../errors.ts'
import { canonicalEmail } from '../users/email.ts'
import { parsed, secondsOf, UsageError } from './arguments.ts'

const usage = `Usage: npm run --silent credentials -- add --organization SLUG --role ROLE --kind KIND
                                           [--contact ADDRESS] [--expires 90d]
       npm run --silent credentials -- list [--organization SLUG]
       npm run --silent credentials -- revoke ID

Administers the secrets by which programs call. add prints the secret on standard output, this once, and how it is
used beside it. Roles: ${roles.join(', ')}.
Kinds: application, for the header ApplicationToken beside a user's token; basic, for Authorization: Basic alone.
Letters about imports go to the contact where the caller has no address. A credential expires after 90d, or as
many s, m, h or d as --expires says. An embedded database lets one process in: stop the service first.
`

/** What was asked for can't be done, for a reason that its message gives. */
class Refusal extends Error {}

/** Does what was asked for, with the database open. */
type Task = (administration: Administration, config: Config) => Promise<void>

const text = { type: 'string' } as const
const help = { help: { type: 'boolean', short: 'h' } } as const

/** What the arguments ask for; `undefined` where they ask how it is used. */
function taskOf([command = '', ...args]: readonly string[]): Task | undefined {
  if (['--help', '-h'].includes(command)) return undefined
  const reader = readers[command]
  if (reader === undefined) throw new UsageError('say what to do: add, list or revoke; --help tells more')
  return reader(args)
}

const readers: Readonly<Record<string, (args: string[]) => Task | undefined>> = {
  add: (args) => {
    const options = {
      ...{ organization: text, role: text, kind: text, contact: text, ...help },
      expires: { ...text, default: '90d' },
    } as const
    const { values } = parsed({ args, options })
    if (values.help) return undefined
    const organization = slugOf(values.organization)
    const role = oneOf('--role', roles, values.role)
    const kind = oneOf('--kind', credentialKinds, values.kind)
    const contact = contactOf(values.contact)
    const seconds = secondsOf(values.expires)
    return async ({ credentials }, config) => {
      const expiresAt = new Date(Date.now() + seconds * 1_000)
      const made = await makeCredential(credentials, { organization, role, kind, contact, expiresAt })
      if (made === undefined) throw unknownOrganization(organization)
      process.stdout.write(`${made.secret}\n`)
      process.stderr.write(howToUse(made.credential, config.publicUrl))
    }
  },
  list: (args) => {
    const { values } = parsed({ args, options: { organization: text, ...help } })
    if (values.help) return undefined
    const organization = values.organization === undefined ? undefined : slugOf(values.organization)
    return async ({ credentials }) => {
      const found = await credentials.list(organization)
      if (found === undefined) throw unknownOrganization(organization ?? '')
      process.stdout.write(table(found))
    }
  },
  revoke: (args) => {
    const { values, positionals } = parsed({ args, options: help, allowPositionals: true })
    if (values.help) return undefined
    const [id = '', ...others] = positionals
    // It is not repeated: by mistake it may be the secret.
    if (!/^[0-9a-f]{16}$/.test(id) || others.length > 0)
      throw new UsageError('revoke takes one ID, 16 digits and letters a to f as list shows them')
    return async ({ credentials }) => {
      const revoked = await credentials.revoke(id)
      if (revoked === undefined)
        throw new Refusal(`there is no credential ${id}: list shows those that there are`)
      const { organization, revokedAt } = revoked
      process.stdout.write(`Credential ${id} of ${organization} was revoked at ${moment(revokedAt)}.\n`)
    }
  },
}

function slugOf(given = ''): string {
  if (isSlug(given)) return given
  throw new UsageError('--organization must be a slug such as helping-hands')
}

function oneOf<T extends string>(option: string, names: readonly T[], given: string | undefined): T {
  const name = names.find((each) => each === given)
  if (name !== undefined) return name
  throw new UsageError(`${option} must be one of ${names.join(', ')}`)
}

function contactOf(given: string | undefined): string | undefined {
  if (given === undefined || canonicalEmail(given) !== undefined) return given
  throw new UsageError('--contact must be an e-mail address')
}

const unknownOrganization = (slug: string): Refusal =>
  new Refusal(`there is no organization ${slug}: those of ORGANIZATIONS are made when the service starts`)

const moment = (date: Date | undefined): string => date?.toISOString().replace(/\.\d+/, '') ?? 'never'

/** Stands beside the secret, on standard error, so that the secret can be piped. */
function howToUse(
  { id, organization, organizationId, kind, role, expiresAt }: Credential,
  url: string,
): string {
  const shown =
    kind === 'basic'
      ? `-u "${id}:$SECRET"`
      : `-H "Authorization: Bearer $TOKEN" -H "ApplicationToken: $SECRET"`
  const note =
    role === 'organization_owner' ? '' : 'Note that only an organization_owner may import members.\n'
  return `
Credential ${id} of ${organization}: ${kind}, ${role}, until ${moment(expiresAt)}.
The secret on standard output is shown this once: keep it where your other secrets are. It is used so:

  curl ${shown} -H 'Content-Type: application/json' \\
       --data-binary @members.json ${url}/v1/organizations/${organizationId}/members/import

${note}`
}

function table(credentials: readonly Credential[]): string {
  const head = ['ID', 'ORGANIZATION', 'KIND', 'ROLE', 'CONTACT', 'CREATED', 'EXPIRES', 'LAST USED', 'STATE']
  const lines = credentials.map((each) => [
    ...[each.id, each.organization, each.kind, each.role, each.contact ?? '-'],
    ...[each.createdAt, each.expiresAt, each.lastUsedAt].map(moment),
    stateOf(each),
  ])
  const widths = head.map((_, column) =>
    Math.max(...[head, ...lines].map((line) => line[column]?.length ?? 0)),
  )
  return [head, ...lines]
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

function stateOf({ revokedAt, expiresAt }: Credential): string {
  if (revokedAt !== undefined) return 'revoked'
  return expiresAt.getTime() <= Date.now() ? 'expired' : 'good'
}

async function run(): Promise<void> {
  const task = taskOf(process.argv.slice(2))
  if (task === undefined) {
    process.stdout.write(usage)
    return
  }
  const config = readConfig(process.env)
  // The whole service is loaded only for who has asked for something that makes sense.
  const { administer } = await import('../administer.ts')
  const administration = await administer(config)
  try {
    await task(administration, config)
  } finally {
    await administration.close()
  }
}

const inUse =
  'another process, most likely the service, has the embedded database open, which lets in only one: stop it, ' +
  'run this command again and start the service anew (on a PostgreSQL server, by DATABASE_URL, both can run at once)'

/** What went wrong, in one sentence. The database's own words may hold statements, so they are left out. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return 'something went wrong'
  if (error.name === 'FolderInUse') return inUse
  const known = [UsageError, ConfigError, Refusal, RefusedStart, ServiceError].some(
    (kind) => error instanceof kind,
  )
  if (known) return error.message
  const { code } = error as NodeJS.ErrnoException
  return `the database could not be used${code === undefined ? '' : ` (${code})`}`
}

try {
  await run()
} catch (error) {
  process.stderr.write(`credentials: ${sentenceOf(error)}\n`)
  process.exitCode = error instanceof UsageError || error instanceof ConfigError ? 2 : 1
}
