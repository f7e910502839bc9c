// tsx test/support/with-postgres.ts -- COMMAND…
//
// Runs a command with TEST_DATABASE_URL set to a PostgreSQL server that is there for it alone. Its exit status
// is the command's, and the server is stopped whatever happens, a SIGINT or a SIGTERM included.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { withPostgres } from './postgres-server.ts'

// A command that was told to stop and does not is ended.
const PATIENCE = 20_000

const dashes = process.argv.indexOf('--')
const [command, ...args] = process.argv.slice(dashes === -1 ? 2 : dashes + 1)
let child: ChildProcess | undefined
let stoppedBy: NodeJS.Signals | undefined

function stop(signal: NodeJS.Signals): void {
  stoppedBy = signal
  child?.kill(signal)
  setTimeout(() => child?.kill('SIGKILL'), PATIENCE).unref()
}

const statusOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/** @returns the exit status of the command, as a shell has it */
async function run(program: string, url: string): Promise<number> {
  if (stoppedBy !== undefined) return statusOf(stoppedBy)
  child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, TEST_DATABASE_URL: url } })
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return signal === null ? (code ?? 1) : statusOf(signal)
}

process.on('SIGINT', stop)
process.on('SIGTERM', stop)
if (command === undefined) {
  process.stderr.write('Usage: tsx test/support/with-postgres.ts -- COMMAND [ARGUMENT]...\n')
  process.exitCode = 2
} else {
  process.exitCode = await withPostgres(({ url }) => run(command, url)).catch((error: unknown) => {
    process.stderr.write(`with-postgres: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  })
}
