import { execFile } from 'node:child_process'
import { appendFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { promisify } from 'node:util'
import type { Measurement, Step } from './measure.ts'
import type { Shape } from './rows.ts'

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
  const widths = header.map((name, column) =>
    Math.max(name.length, ...lines.map((line) => line[column]!.length)),
  )
  const pad = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column < 3 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column < 3 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [pad(header), rule, ...lines.map(pad)].join('\n')
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

function rateOf(rates: readonly number[]): string {
  const range = rates.length === 1 ? '' : ` (${count(Math.min(...rates))}–${count(Math.max(...rates))})`
  return count(median(rates)) + range
}

function failures(health: readonly { failed: number }[]): string {
  const failed = health.reduce((sum, each) => sum + each.failed, 0)
  return failed === 0 ? '' : ` (${failed} failed)`
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US')

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
