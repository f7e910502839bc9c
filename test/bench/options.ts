import { parseArgs } from 'node:util'
import { shapes, type Shape } from './rows.ts'

/** What to measure. */
export interface Options {
  readonly rows: readonly number[]
  readonly shapes: readonly Shape[]
  /** How often; by default {@link runsOf} decides. */
  readonly runs: number | undefined
  /** Few rows, once: shows that the benchmark works, and nothing else. */
  readonly quick: boolean
  /** Append the table to RESULTS.md. */
  readonly record: boolean
}

export const usage = `Usage: npm run bench -- [--rows 100000,1000000] [--shapes sparse,wide] [--runs N] [--quick] [--record]
`

// Every changed row leaves a dead one, so a large file says nothing that a smaller one does not.
const MOST_CHANGED = 100_000
const MOST_REPEATED = 200_000

/** @throws Error If an argument makes no sense */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string' },
      shapes: { type: 'string', default: shapes.join(',') },
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
    },
  })
  const rows = values.rows ?? (values.quick ? '5000' : '100000,1000000')
  return {
    rows: rows.split(',').map((count) => count1To(10_000_000, '--rows', count)),
    shapes: values.shapes.split(',').map(shapeOf),
    runs: values.runs === undefined ? undefined : count1To(100, '--runs', values.runs),
    quick: values.quick,
    record: values.record && !values.quick,
  }
}

/** How often a size is run: three times for the median, once where it takes minutes. */
export function runsOf({ runs, quick }: Options, rows: number): number {
  return runs ?? (quick || rows > MOST_REPEATED ? 1 : 3)
}

/** What the service is asked to do with a size. */
export function stepsOf(rows: number): ('fresh' | 'unchanged' | 'changed')[] {
  return rows > MOST_CHANGED ? ['fresh', 'unchanged'] : ['fresh', 'unchanged', 'changed']
}

function shapeOf(name: string): Shape {
  const shape = shapes.find((known) => known === name)
  if (shape === undefined) throw new Error(`--shapes must be of ${shapes.join(', ')}, but has ${name}`)
  return shape
}

function count1To(most: number, option: string, text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= most) return count
  throw new Error(`${option} must be whole numbers from 1 to ${most}, but has ${text}`)
}
