// Measures the import beside psql's \copy of the same rows: the rate, the memory, and whether the service still
// answers others meanwhile. The same people come as members in JSON too, and small jobs by the thousand.
// `npm run bench -- --quick` only shows that the benchmark works.
import { newestPrograms } from '../support/postgres-server.ts'
import { withFiles } from './files.ts'
import { measure, type Measurement } from './measure.ts'
import { databases, measureJobs, type JobsMeasurement } from './measure-jobs.ts'
import { measureMembers, ways, type MemberMeasurement } from './measure-members.ts'
import { withMemberFiles } from './member-files.ts'
import { readOptions, runsOf, stepsOf, usage, type Options } from './options.ts'
import { circumstances, record, tableOf, type Result } from './report.ts'
import { jobsTableOf, membersTableOf, type MembersResult } from './report-jobs.ts'
import type { Shape } from './rows.ts'

interface Size {
  readonly shape: Shape
  readonly rows: number
  readonly runs: number
}

const sizesOf = (options: Options): readonly Size[] =>
  options.shapes.flatMap((shape) =>
    options.rows.map((rows) => ({ shape, rows, runs: runsOf(options, rows) })),
  )

const tell = (text: string): void => void process.stderr.write(`${text}\n`)

async function measureSize({ shape, rows, runs }: Size, signal: AbortSignal): Promise<Result> {
  const steps = stepsOf(rows)
  return withFiles({ shape, rows, changed: steps.includes('changed') }, async (files) => {
    const measured: (readonly Measurement[])[] = []
    for (let run = 1; run <= runs; run += 1) {
      tell(`${shape}, ${rows} rows, run ${run} of ${runs}`)
      measured.push(await measure({ rows, files, steps, signal }))
    }
    return { shape, rows, runs: measured }
  })
}

async function measureMembersOf(rows: number, options: Options, signal: AbortSignal): Promise<MembersResult> {
  const wanted = runsOf(options, rows)
  return withMemberFiles(rows, async (files) => {
    const runs: (readonly MemberMeasurement[])[] = []
    for (let run = 1; run <= wanted; run += 1) {
      for (const way of ways) {
        tell(`members, ${rows} rows, ${way}, run ${run} of ${wanted}`)
        runs.push(await measureMembers(way, files, signal))
      }
    }
    return { rows, runs }
  })
}

const ORGANIZATIONS = [1, 10]

async function measureAllJobs(options: Options, signal: AbortSignal): Promise<readonly JobsMeasurement[]> {
  const { jobs } = options
  const measured: JobsMeasurement[] = []
  for (const database of databases) {
    for (const organizations of ORGANIZATIONS) {
      for (let run = 1; run <= runsOf(options, jobs); run += 1) {
        tell(`${jobs} jobs of ${organizations} organizations, ${database}, run ${run}`)
        measured.push(await measureJobs({ database, jobs, organizations }, signal))
      }
    }
  }
  return measured
}

async function bench(options: Options, signal: AbortSignal): Promise<void> {
  const title = await circumstances(await newestPrograms())
  const results: Result[] = []
  for (const size of sizesOf(options)) results.push(await measureSize(size, signal))
  const members: MembersResult[] = []
  for (const rows of options.members) members.push(await measureMembersOf(rows, options, signal))
  const jobs = options.jobs === 0 ? [] : await measureAllJobs(options, signal)
  const tables = [
    ...(results.length === 0 ? [] : [tableOf(results)]),
    ...(members.length === 0 ? [] : [membersTableOf(members)]),
    ...(jobs.length === 0 ? [] : [jobsTableOf(jobs)]),
  ].join('\n\n')
  const claim = options.quick
    ? '\nA smoke run: it shows that the benchmark works, its figures mean nothing.'
    : ''
  process.stdout.write(`${title}\n\n${tables}\n${claim}\n`)
  if (options.record) await record(title, tables)
}

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stop.abort(new Error(`stopped by ${signal}`))
  })
}
try {
  await bench(readOptions(process.argv.slice(2)), stop.signal)
} catch (error) {
  tell(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n${usage}`)
  process.exitCode = 1
}
