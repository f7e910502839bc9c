import { roles } from '../auth/caller.ts'
import { isSlug } from '../auth/organization.ts'
import { createOwnIssuer } from '../auth/own-issuer.ts'
import type { Grant } from '../auth/own-issuer.ts'
import { ConfigError, readConfig } from '../config.ts'
import { parsed, secondsOf, UsageError } from './arguments.ts'

const usage = `Usage: npm run --silent token -- --organization SLUG --role ROLE [--role ROLE]...
                            [--subject ID] [--email ADDRESS] [--expires 12h]

Prints a token for this machine's own service. Roles: ${roles.join(', ')}.
A token expires after 12h, or as many s, m, h or d as --expires says.
`

/** Roles have the names that the service knows, so that a typing error is found here and not by a 403. */
function readGrant(args: readonly string[]): Grant | undefined {
  const { values } = parse(args)
  if (values.help) return undefined
  const { organization = '', role = [], subject, email, expires } = values
  if (!isSlug(organization)) throw new UsageError('--organization must be a slug such as helping-hands')
  if (role.length === 0 || !role.every((name) => roles.some((known) => known === name)))
    throw new UsageError(`--role must be one of ${roles.join(', ')}`)
  if (!/^[^\p{Cc}]{1,255}$/u.test(subject)) throw new UsageError('--subject must have 1 to 255 characters')
  if (email !== undefined && !/^[^@\s]{1,64}@[^@\s]{1,190}$/.test(email))
    throw new UsageError('--email must be an e-mail address')
  return { organization, roles: [...new Set(role)], subject, email, expiresIn: secondsOf(expires) }
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const
  const options = {
    organization: text,
    role: { ...text, multiple: true },
    subject: { ...text, default: 'local-owner' },
    email: text,
    expires: { ...text, default: '12h' },
    help: { type: 'boolean', short: 'h' },
  } as const
  return parsed({ args: [...args], options })
}

async function run(): Promise<void> {
  const grant = readGrant(process.argv.slice(2))
  if (grant === undefined) {
    process.stdout.write(usage)
    return
  }
  const { issuer } = readConfig(process.env)
  if (issuer.kind === 'remote')
    throw new ConfigError('JWT_ISSUER is set, so tokens come from that issuer and cannot be made here')
  const { sign } = await createOwnIssuer(issuer.dataDir)
  process.stdout.write(`${await sign(grant)}\n`)
}

try {
  await run()
} catch (error) {
  process.stderr.write(`token: ${(error as Error).message}\n`)
  process.exitCode = error instanceof UsageError || error instanceof ConfigError ? 2 : 1
}
