import { execFile } from 'node:child_process'
import { appendFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { promisify } from 'node:util'
import type { Measurement, Step } from './measure.ts'
import type { Shape } from './rows.ts'
import { count, failures, markdownTable, median, rateOf } from './table.ts'

/** The runs of one shape and size. */
export interface Result {
  readonly shape: Shape
  readonly rows: number
  readonly runs: readonly (readonly Measurement[])[]
}

const steps: readonly Step[] = ['copy', 'fresh', 'unchanged', 'changed']
const says: Readonly<Record<Step, string>> = {
  copy: 'psql \\copy',
  fresh: 'service, all new',
  unchanged: 'service, unchanged',
  changed: 'service, one cell changed',
}

const header = [
  'shape',
  'rows',
  'what',
  'rows/s',
  'to \\copy',
  'peak MB',
  '/healthz p99 ms',
  'longest',
  'node CPU s',
]

/** A Markdown table of medians, the slowest and the fastest run beside the rate. */
export function tableOf(results: readonly Result[]): string {
  const lines = results.flatMap((result) =>
    steps.map((step) => lineOf(result, step)).filter((line) => line !== undefined),
  )
  return markdownTable(header, lines, 3)
}

function lineOf({ shape, rows, runs }: Result, step: Step): readonly string[] | undefined {
  const measured = runs.flatMap((run) => run.filter((each) => each.step === step))
  if (measured.length === 0) return undefined
  const rates = measured.map(({ rowsPerSecond }) => rowsPerSecond)
  const service = measured.flatMap((each) => each.service ?? [])
  const health = service.map((each) => each.health)
  return [
    shape,
    count(rows),
    says[step],
    rateOf(rates),
    median(runs.map((run) => ratio(run, step))).toFixed(2),
    ...(service.length === 0
      ? ['', '', '', '']
      : [
          median(service.map(({ peakMegabytes }) => peakMegabytes)).toFixed(0),
          median(health.map(({ p99 }) => p99)).toFixed(1) + failures(health),
          Math.max(...health.map(({ longest }) => longest)).toFixed(0),
          median(service.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1),
        ]),
  ]
}

/** To the `\copy` of the same run: machines drift, and a run takes seconds. */
function ratio(run: readonly Measurement[], step: Step): number {
  const rate = (of: Step): number => run.find((each) => each.step === of)?.rowsPerSecond ?? NaN
  return rate(step) / rate('copy')
}

/** When and on what this was measured. @param programs the folder of PostgreSQL's programs */
export async function circumstances(programs: string): Promise<string> {
  const { stdout } = await promisify(execFile)(`${programs}/postgres`, ['--version'])
  const version = /\d+(?:\.\d+)*/.exec(stdout)?.[0] ?? 'of unknown version'
  const processors = cpus()
  const date = new Date().toISOString().slice(0, 16).replace('T', ' ')
  const machine = `${processors.length} cores of ${processors[0]?.model.trim() ?? 'unknown kind'}`
  return `${date} UTC, ${machine}, Node ${process.versions.node}, PostgreSQL ${version} with its default durability`
}

/** Appends a table to RESULTS.md beside this file. */
export async function record(title: string, table: string): Promise<void> {
  await appendFile(new URL('RESULTS.md', import.meta.url), `## ${title}\n\n${table}\n\n`)
}
