import type { JobsMeasurement } from './measure-jobs.ts'
import { ways, type MemberMeasurement, type MemberStep, type Way } from './measure-members.ts'
import { count, failures, markdownTable, median, rateOf } from './table.ts'

/** The runs of one size; each is one way's. */
export interface MembersResult {
  readonly rows: number
  readonly runs: readonly (readonly MemberMeasurement[])[]
}

const steps = ['fresh', 'unchanged'] as const
const says: Readonly<Record<Exclude<MemberStep, 'copy'>, string>> = {
  fresh: 'all new',
  unchanged: 'unchanged',
}

const membersHeader = [
  'rows',
  'the same people as',
  'they are',
  'rows/s',
  'to \\copy',
  '202 after s',
  'then s',
  'idle MB',
  'MB above idle',
  '/healthz p99 ms',
  'longest',
  'node CPU s',
]

/** A Markdown table of medians, the slowest and the fastest run beside the rate. */
export function membersTableOf(results: readonly MembersResult[]): string {
  const lines = results.flatMap((result) =>
    ways.flatMap((way) => steps.map((step) => memberLine(result, way, step))),
  )
  return markdownTable(membersHeader, lines, 3)
}

function memberLine({ rows, runs }: MembersResult, way: Way, step: MemberStep): readonly string[] {
  const own = runs.map((run) => run.filter((each) => each.way === way)).filter((run) => run.length > 0)
  const measured = own.flatMap((run) => run.filter((each) => each.step === step))
  const service = measured.flatMap((each) => each.service ?? [])
  const seconds = service.flatMap((each) => each.seconds ?? [])
  const health = service.map((each) => each.health)
  const duties = service[0]?.processes.map((each) => each.duties) ?? []
  const ofEach = (value: 'idle' | 'above'): string =>
    duties
      .map((name, index) => {
        const megabytes = median(service.map(({ processes }) => processes[index]![value])).toFixed(0)
        return duties.length === 1 ? megabytes : `${name} ${megabytes}`
      })
      .join(', ')
  return [
    count(rows),
    way,
    says[step as Exclude<MemberStep, 'copy'>],
    rateOf(measured.map(({ rowsPerSecond }) => rowsPerSecond)),
    median(own.map((run) => ratio(run, step))).toFixed(2),
    seconds.length === 0 ? '' : median(seconds.map(({ toAccepted }) => toAccepted)).toFixed(2),
    seconds.length === 0 ? '' : median(seconds.map(({ toEnd }) => toEnd)).toFixed(2),
    ofEach('idle'),
    ofEach('above'),
    median(health.map(({ p99 }) => p99)).toFixed(1) + failures(health),
    Math.max(...health.map(({ longest }) => longest)).toFixed(0),
    median(service.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1),
  ]
}

function ratio(run: readonly MemberMeasurement[], step: MemberStep): number {
  const rate = (of: MemberStep): number => run.find((each) => each.step === of)?.rowsPerSecond ?? NaN
  return rate(step) / rate('copy')
}

const jobsHeader = ['database', 'organizations', 'jobs of 10', 'accepted/s', 'done/s', 'CPU ms a job']

/** A Markdown table of medians, the slowest and the fastest run beside the rates. */
export function jobsTableOf(measured: readonly JobsMeasurement[]): string {
  const kinds = [...new Set(measured.map(kindOf))]
  const lines = kinds.map((kind) => {
    const runs = measured.filter((each) => kindOf(each) === kind)
    const { database, organizations, jobs } = runs[0]!
    return [
      database,
      count(organizations),
      count(jobs),
      rateOf(runs.map(({ acceptedPerSecond }) => acceptedPerSecond)),
      rateOf(runs.map(({ donePerSecond }) => donePerSecond)),
      median(runs.map(({ cpuMilliseconds }) => cpuMilliseconds)).toFixed(1),
    ]
  })
  return markdownTable(jobsHeader, lines, 1)
}

const kindOf = ({ database, organizations }: JobsMeasurement): string => `${database} ${organizations}`
