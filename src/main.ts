import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { compose, type Duties, type Parts } from './compose.ts'
import { ConfigError, readConfig, type Config } from './config.ts'
import { RefusedStart } from './errors.ts'
import { listen, type RunningServer } from './http/server.ts'
import { createLog } from './log.ts'

// Supervisors commonly kill what has not stopped within thirty seconds: running imports have most of it, and what a
// database that does not answer may hold up has the rest.
const STOP_MILLISECONDS = 20_000
const CLOSE_MILLISECONDS = 8_000

// An import makes garbage fast, and V8 by its defaults lets the heap grow to four times what is in use before it
// collects all of it. One and a half times costs little time and spares the process 70 MB.
setFlagsFromString('--heap-growing-percent=60')

const duties = dutiesOf(process.argv.slice(2))
const config = readOrExit()
const log = createLog(config.logLevel)

// Whoever read the log may have gone; the service goes on.
process.stdout.on('error', () => undefined)

if (duties !== 'both' && config.database.kind === 'embedded') {
  process.stderr.write(
    'An embedded database lets one process in: leave out the argument, and it does both; or set DATABASE_URL.\n',
  )
  process.exit(2)
}

let stopping = false
try {
  await serve()
} catch (error) {
  if (error instanceof RefusedStart) process.stderr.write(`${error.message}\n`)
  else log.fatal({ err: error }, 'the service could not start')
  process.exit(1)
}

async function serve(): Promise<void> {
  const parts = await compose(config, log, duties)
  const server =
    duties === 'worker' ? undefined : await listen(parts.app, { ...config, stopping: () => stopping })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void stop(signal, parts, server))
  }
  if (server !== undefined) log.info({ url: server.url, database: config.database.kind }, 'listening')
  await parts.prepare()
  log.info({ duties }, 'ready')
  if (server !== undefined && parts.ownIssuer !== undefined) await greet(server.url, parts)
}

/** What this process is to do, from its only argument; both where there is none. */
function dutiesOf(args: readonly string[]): Duties {
  const [duties = 'both', ...others] = args
  if (others.length === 0 && (duties === 'web' || duties === 'worker' || duties === 'both')) return duties
  process.stderr.write('Say web, worker, or nothing for both: npm start -- web\n')
  process.exit(2)
}

function readOrExit(): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

/** A token and a line to paste, for whoever starts the service with a key of its own. */
async function greet(url: string, { ownIssuer }: Parts): Promise<void> {
  const [organization] = config.organizations
  if (ownIssuer === undefined || organization === undefined) return
  const token = await ownIssuer.sign({
    organization: organization.slug,
    subject: 'local-owner',
    // Without an address nothing could be imported in the background: nobody could be told when it is done.
    email: 'owner@example.com',
    roles: ['organization_owner'],
    expiresIn: 12 * 3_600,
  })
  process.stdout.write(`
Rollcall is listening on ${url}. A token for an owner of ${organization.slug}, good for 12 hours:

  TOKEN=${token}

Import some users:

  curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: text/csv' \\
       --data-binary @fixtures/csv/users-valid.csv ${url}/api/import/organization/users

`)
}

async function stop(signal: string, parts: Parts, server: RunningServer | undefined): Promise<void> {
  log.info({ signal }, 'stopping')
  stopping = true
  parts.refuseNew()
  await Promise.all([server?.stop(STOP_MILLISECONDS), parts.ended(STOP_MILLISECONDS)])
  // What is not committed by then is rolled back, and its receipt is ended by whichever process notices.
  await Promise.race([parts.close(), setTimeout(CLOSE_MILLISECONDS)])
  log.info('stopped')
  process.exit(0)
}
