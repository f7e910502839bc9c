import { deepStrictEqual } from 'node:assert/strict'
import { setMaxListeners } from 'node:events'
import { Agent } from 'node:http'
import { withPostgres } from '../support/postgres-server.ts'
import { organization } from './files.ts'
import { afterMembers, beforeMembers, memberOf } from './member-files.ts'
import { withHome, type Program } from './service.ts'
import { ended, submit, type Ended, type Submission } from './submit.ts'
import { usageOf } from './usage.ts'

/** Where the service keeps its data. */
export const databases = ['PostgreSQL', 'embedded'] as const
export type DatabaseName = (typeof databases)[number]

/** What to measure: as many small jobs, of as many organizations in turn. */
export interface JobsWanted {
  readonly database: DatabaseName
  readonly jobs: number
  readonly organizations: number
}

/** How long the jobs took, in jobs a second. */
export interface JobsMeasurement extends JobsWanted {
  /** From the first request to the last 202, eight at once. */
  readonly acceptedPerSecond: number
  /** From the beginning of the first by a worker that is new to the end of the last. */
  readonly donePerSecond: number
  /** Of the process that did them, in milliseconds a job. */
  readonly cpuMilliseconds: number
}

const MEMBERS = 10
const AT_ONCE = 8

/**
 * Hands small jobs over to a service without a worker, and then starts one.
 *
 * @throws AssertionError If a job did not create its users
 */
export async function measureJobs(wanted: JobsWanted, stop: AbortSignal): Promise<JobsMeasurement> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(60_000 + wanted.jobs * 200)])
  // Every request that is under way listens.
  setMaxListeners(0, signal)
  return wanted.database === 'embedded'
    ? measureOn(undefined, wanted, signal)
    : withPostgres(({ url }) => measureOn(url, wanted, signal))
}

async function measureOn(
  databaseUrl: string | undefined,
  wanted: JobsWanted,
  signal: AbortSignal,
): Promise<JobsMeasurement> {
  const slugs = Array.from({ length: wanted.organizations }, (_, index) =>
    index === 0 ? organization.slug : `${organization.slug}-${index}`,
  )
  const database = databaseUrl === undefined ? {} : { databaseUrl }
  return withHome({ ...database, slugs }, async (home) => {
    const programs = await home.programs(slugs)
    // The embedded database lets one process in: there jobs are done while others are still accepted.
    const isApart = databaseUrl !== undefined
    const first = await home.start(isApart ? 'web' : 'both')
    const idle = await usageOf(first.pid)
    const accepted = await submitAll(first.url, programs, wanted.jobs, signal)
    if (isApart) await first.stop()
    const both = isApart ? await home.start('both') : first
    const before = isApart ? await usageOf(both.pid) : idle
    await timesOf(both.url, accepted.jobs.slice(-1), signal)
    const after = await usageOf(both.pid)
    const times = await timesOf(both.url, accepted.jobs, signal)
    const begun = Math.min(...times.map(({ startedAt }) => startedAt))
    const last = Math.max(...times.map(({ endedAt }) => endedAt))
    return {
      ...wanted,
      acceptedPerSecond: wanted.jobs / accepted.seconds,
      donePerSecond: (wanted.jobs * 1000) / (last - begun),
      cpuMilliseconds: ((after.cpuSeconds - before.cpuSeconds) * 1000) / wanted.jobs,
    }
  })
}

/** A job that was accepted. */
interface AcceptedJob {
  /** Where its receipt is. */
  readonly path: string
  readonly headers: Submission['headers']
}

async function submitAll(
  url: string,
  programs: readonly Program[],
  jobs: number,
  signal: AbortSignal,
): Promise<{ readonly jobs: readonly AcceptedJob[]; readonly seconds: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  const accepted: AcceptedJob[] = []
  const started = performance.now()
  await inParallel(jobs, async (number) => {
    const submission = submissionOf(url, programs[number % programs.length]!, number)
    const { location } = await submit(submission, signal, agent)
    accepted.push({ path: location.pathname, headers: submission.headers })
  })
  const seconds = (performance.now() - started) / 1000
  agent.destroy()
  return { jobs: accepted, seconds }
}

function submissionOf(url: string, { organizationId, authorization }: Program, number: number): Submission {
  const members = Array.from({ length: MEMBERS }, (_, index) => memberOf(number * MEMBERS + index + 1))
  return {
    url: new URL(`/v1/organizations/${organizationId}/members/import`, url),
    headers: { Authorization: authorization, 'Content-Type': 'application/json' },
    before: beforeMembers(`job-${number}`, organizationId),
    after: JSON.stringify(members).slice(1, -1) + afterMembers,
  }
}

/** Waits for jobs to end, the last ones first: whoever asks for all of them meanwhile measures himself. */
async function timesOf(
  url: string,
  jobs: readonly AcceptedJob[],
  signal: AbortSignal,
): Promise<readonly Ended[]> {
  const agent = new Agent({ keepAlive: true })
  const times: Ended[] = []
  for (const { path, headers } of jobs.toReversed()) {
    const job = await ended(new URL(path, url), headers, signal, agent)
    deepStrictEqual([job.state, job.counts['created']], ['finished', MEMBERS], 'what became of a job')
    times.push(job)
  }
  agent.destroy()
  return times
}

async function inParallel(count: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
