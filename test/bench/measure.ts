import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import { withPostgres, type PostgresServer } from '../support/postgres-server.ts'
import type { Copy, Files } from './files.ts'
import { whilePolling, type Health } from './healthz.ts'
import { changedUsers, checkpoint, copySeconds, fingerprint, makeCopyTable, psql } from './psql.ts'
import { withService, type Service } from './service.ts'
import { upload, type Uploaded } from './upload.ts'
import { forgetPeak, usageOf } from './usage.ts'

/** What was timed: `\copy`, and the service with rows that are new, known as they are, or known and changed. */
export type Step = 'copy' | 'fresh' | 'unchanged' | 'changed'

/** One step of one run. */
export interface Measurement {
  readonly step: Step
  readonly rowsPerSecond: number
  /** Of the service; `\copy` has none. */
  readonly service?: { readonly peakMegabytes: number; readonly cpuSeconds: number; readonly health: Health }
}

/** What one run measures. */
export interface Job {
  readonly rows: number
  readonly files: Files
  readonly steps: readonly Exclude<Step, 'copy'>[]
  /** Ends the run. */
  readonly signal: AbortSignal
}

/** A job with the server that it runs on. */
interface Run extends Job {
  readonly server: PostgresServer
  /** What the table must hold after the rows of the upload. */
  readonly expected: string
}

/**
 * Runs `\copy` and the service once, one after the other, on a PostgreSQL server and a process that are new.
 * Both are new each time because a table that has grown, and a process that is warm, are another benchmark.
 *
 * @throws AssertionError If the service did not do to the table what it should have
 */
export async function measure(job: Job): Promise<readonly Measurement[]> {
  return withPostgres((server) =>
    withService(server.url, ['both'], async (service) => {
      const { seconds, expected } = await measureCopy(server, job.files.copy, timeLimit(job))
      const measurements: Measurement[] = [{ step: 'copy', rowsPerSecond: job.rows / seconds }]
      for (const step of job.steps)
        measurements.push(await measureStep(step, service, { ...job, server, expected }))
      return measurements
    }),
  )
}

/** A step that makes less than 1,000 rows a second is given up. */
export function timeLimit({ rows, signal }: Pick<Job, 'rows' | 'signal'>): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(60_000 + rows)])
}

/** What `\copy` takes, and what the table holds then. */
export async function measureCopy(
  server: PostgresServer,
  copy: Copy,
  signal: AbortSignal,
): Promise<{ readonly seconds: number; readonly expected: string }> {
  await makeCopyTable(server, signal)
  await checkpoint(server, signal)
  const seconds = await copySeconds(server, copy, signal)
  const expected = await fingerprint(server, 'users_copy', copy.columns, signal)
  await psql(server, signal, 'drop table users_copy')
  return { seconds, expected }
}

async function measureStep(step: Job['steps'][number], service: Service, run: Run): Promise<Measurement> {
  const signal = timeLimit(run)
  const { pid } = service.processes[0]!
  await checkpoint(run.server, signal)
  await forgetPeak(pid)
  const before = await usageOf(pid)
  const file = step === 'changed' ? run.files.changed : run.files.upload
  const { result, health } = await whilePolling(service.url, () => upload(service, file, signal))
  const after = await usageOf(pid)
  await check(step, result, run)
  return {
    step,
    rowsPerSecond: run.rows / result.seconds,
    service: {
      health,
      peakMegabytes: after.peakMegabytes,
      cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    },
  }
}

/** A benchmark that does not look at what was done measures nothing. */
async function check(step: Step, { dispositions }: Uploaded, run: Run): Promise<void> {
  const signal = timeLimit(run)
  deepStrictEqual(dispositions, { imported: run.rows }, `not every row was imported (${step})`)
  const changed = step === 'changed' ? run.rows : 0
  strictEqual(await changedUsers(run.server, signal), changed, `the number of changed users (${step})`)
  const holds = await fingerprint(run.server, 'users', run.files.copy.columns, signal)
  if (step !== 'changed')
    strictEqual(holds, run.expected, `what the table holds is not what \\copy put there (${step})`)
  else strictEqual(Number(holds.split('|')[0]), run.rows, 'the number of users')
}
