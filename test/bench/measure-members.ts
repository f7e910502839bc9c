import { strictEqual } from 'node:assert/strict'
import { withPostgres, type PostgresServer } from '../support/postgres-server.ts'
import type { Copy } from './files.ts'
import { whilePolling, type Health } from './healthz.ts'
import { measureCopy, timeLimit } from './measure.ts'
import { afterMembers, beforeMembers, type MemberFiles } from './member-files.ts'
import { changedUsers, checkpoint, fingerprint } from './psql.ts'
import { withService, type Duties, type Program, type Service } from './service.ts'
import { ended, submit, type Submission } from './submit.ts'
import { upload } from './upload.ts'
import { forgetPeak, usageOf, type Usage } from './usage.ts'

/** How the same people get in: as CSV or JSON; answered as they are imported, or in the background. */
export const ways = ['CSV, streamed', 'CSV, async', 'JSON', 'JSON, worker apart'] as const
export type Way = (typeof ways)[number]

/** `\copy`, and the service with people who are new, and the same people again. */
export type MemberStep = 'copy' | 'fresh' | 'unchanged'

/** One step of one run. */
export interface MemberMeasurement {
  readonly way: Way
  readonly step: MemberStep
  /** From the request to the end of the import. */
  readonly rowsPerSecond: number
  /** Of the service; `\copy` has none. */
  readonly service?: {
    /** From the request to the 202, and from there to the end; a streamed import has none. */
    readonly seconds?: { readonly toAccepted: number; readonly toEnd: number }
    /** Of each process: what it took before its first import, and at most on top of that since then. */
    readonly processes: readonly { readonly duties: Duties; readonly idle: number; readonly above: number }[]
    /** Of all processes. */
    readonly cpuSeconds: number
    readonly health: Health
  }
}

interface Run {
  readonly way: Way
  readonly files: MemberFiles
  readonly copy: Copy
  readonly server: PostgresServer
  readonly service: Service & { readonly program: Program }
  readonly expected: string
  readonly signal: AbortSignal
}

/**
 * Runs `\copy` and the service once, one after the other, on a PostgreSQL server and processes that are new.
 *
 * @throws AssertionError If the service did not do to the table what it should have
 */
export async function measureMembers(
  way: Way,
  files: MemberFiles,
  stop: AbortSignal,
): Promise<readonly MemberMeasurement[]> {
  const duties = way === 'JSON, worker apart' ? (['web', 'worker'] as const) : (['both'] as const)
  const copy = way.startsWith('CSV') ? files.copyOfCsv : files.copyOfMembers
  return withPostgres((server) =>
    withService(server.url, [...duties], async (service) => {
      const signal = timeLimit({ rows: files.rows, signal: stop })
      const { seconds, expected } = await measureCopy(server, copy, signal)
      const run = { way, files, copy, server, service, expected, signal: stop }
      const idle = await Promise.all(service.processes.map(({ pid }) => idleOf(pid)))
      const fresh = await measureStep('fresh', idle, run)
      const unchanged = await measureStep('unchanged', idle, run)
      return [{ way, step: 'copy', rowsPerSecond: files.rows / seconds }, fresh, unchanged]
    }),
  )
}

async function idleOf(pid: number): Promise<number> {
  await forgetPeak(pid)
  return (await usageOf(pid)).peakMegabytes
}

async function measureStep(
  step: Exclude<MemberStep, 'copy'>,
  idle: readonly number[],
  run: Run,
): Promise<MemberMeasurement> {
  const { service, way, files } = run
  const signal = timeLimit({ rows: files.rows, signal: run.signal })
  const usages = (): Promise<Usage[]> => Promise.all(service.processes.map(({ pid }) => usageOf(pid)))
  await checkpoint(run.server, signal)
  for (const { pid } of service.processes) await forgetPeak(pid)
  const before = await usages()
  const { result, health } = await whilePolling(service.url, () =>
    way === 'CSV, streamed' ? streamed(run, signal) : inBackground(step, run, signal),
  )
  const after = await usages()
  await check(step, run, signal)
  return {
    way,
    step,
    rowsPerSecond: files.rows / result.total,
    service: {
      ...(result.seconds === undefined ? {} : { seconds: result.seconds }),
      processes: service.processes.map(({ duties }, index) => ({
        duties,
        idle: idle[index]!,
        above: after[index]!.peakMegabytes - idle[index]!,
      })),
      cpuSeconds: sumOf(after) - sumOf(before),
      health,
    },
  }
}

const sumOf = (usages: readonly Usage[]): number =>
  usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)

interface Timed {
  readonly total: number
  readonly seconds?: { readonly toAccepted: number; readonly toEnd: number }
}

async function streamed({ service, files }: Run, signal: AbortSignal): Promise<Timed> {
  const { dispositions, seconds } = await upload(service, files.csv, signal)
  strictEqual(dispositions['imported'], files.rows, 'not every row was imported')
  return { total: seconds }
}

async function inBackground(step: MemberStep, run: Run, signal: AbortSignal): Promise<Timed> {
  const submission = submissionOf(step, run)
  const { location, sentAt, seconds } = await submit(submission, signal)
  const { state, counts, endedAt } = await ended(location, submission.headers, signal)
  strictEqual(state, 'finished')
  strictEqual(counts[step === 'fresh' ? 'created' : 'unchanged'], run.files.rows, 'what became of the rows')
  const total = (endedAt - sentAt) / 1000
  return { total, seconds: { toAccepted: seconds, toEnd: total - seconds } }
}

function submissionOf(step: MemberStep, { way, service, files }: Run): Submission {
  if (way === 'CSV, async') {
    const headers = {
      Authorization: `Bearer ${service.token}`,
      'Content-Type': 'text/csv',
      Prefer: 'respond-async',
    }
    const url = new URL('/api/import/organization/users', service.url)
    return { url, headers, before: '', file: files.csv, after: '' }
  }
  const { authorization, organizationId } = service.program
  return {
    url: new URL(`/v1/organizations/${organizationId}/members/import`, service.url),
    headers: { Authorization: authorization, 'Content-Type': 'application/json' },
    before: beforeMembers(step),
    file: files.members,
    after: afterMembers,
  }
}

/** A benchmark that does not look at what was done measures nothing. */
async function check(step: MemberStep, { server, copy, expected }: Run, signal: AbortSignal): Promise<void> {
  strictEqual(await changedUsers(server, signal), 0, `the number of changed users (${step})`)
  const holds = await fingerprint(server, 'users', copy.columns, signal)
  strictEqual(holds, expected, `what the table holds is not what \\copy put there (${step})`)
}
