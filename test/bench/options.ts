import { parseArgs } from 'node:util'
import { MEMBERS_LIMIT } from '../../src/json/members-body.ts'
import { shapes, type Shape } from './rows.ts'

/** Beside the shapes of CSV files: members beside CSV, and many small jobs. */
const subjects = [...shapes, 'members', 'jobs'] as const
type Subject = (typeof subjects)[number]

/** What to measure. */
export interface Options {
  readonly rows: readonly number[]
  readonly shapes: readonly Shape[]
  /** How many members, in imports of that size; none if they are not asked for. */
  readonly members: readonly number[]
  /** How many small jobs; 0 if they are not asked for. */
  readonly jobs: number
  /** How often; by default {@link runsOf} decides. */
  readonly runs: number | undefined
  /** Few rows, once: shows that the benchmark works, and nothing else. */
  readonly quick: boolean
  /** Append the table to RESULTS.md. */
  readonly record: boolean
}

export const usage = `Usage: npm run bench -- [--rows 100000,1000000] [--shapes sparse,wide,members,jobs] [--runs N] [--quick] [--record]
`

// Every changed row leaves a dead one, so a large file says nothing that a smaller one does not.
const MOST_CHANGED = 100_000
const MOST_REPEATED = 200_000
const MANY_JOBS = 1_000
const FEW_JOBS = 50

/** @throws Error If an argument makes no sense */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string' },
      shapes: { type: 'string', default: subjects.join(',') },
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
    },
  })
  const rows = (values.rows ?? (values.quick ? '5000' : '100000,1000000'))
    .split(',')
    .map((count) => count1To(10_000_000, '--rows', count))
  const wanted = values.shapes.split(',').map(subjectOf)
  return {
    rows,
    shapes: shapes.filter((shape) => wanted.includes(shape)),
    members: wanted.includes('members') ? rows.filter((count) => count <= MEMBERS_LIMIT) : [],
    jobs: wanted.includes('jobs') ? (values.quick ? FEW_JOBS : MANY_JOBS) : 0,
    runs: values.runs === undefined ? undefined : count1To(100, '--runs', values.runs),
    quick: values.quick,
    record: values.record && !values.quick,
  }
}

/** How often a size is run: three times for the median, once where it takes minutes. */
export function runsOf({ runs, quick }: Pick<Options, 'runs' | 'quick'>, rows: number): number {
  return runs ?? (quick || rows > MOST_REPEATED ? 1 : 3)
}

/** What the service is asked to do with a size. */
export function stepsOf(rows: number): ('fresh' | 'unchanged' | 'changed')[] {
  return rows > MOST_CHANGED ? ['fresh', 'unchanged'] : ['fresh', 'unchanged', 'changed']
}

function subjectOf(name: string): Subject {
  const subject = subjects.find((known) => known === name)
  if (subject === undefined) throw new Error(`--shapes must be of ${subjects.join(', ')}, but has ${name}`)
  return subject
}

function count1To(most: number, option: string, text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= most) return count
  throw new Error(`${option} must be whole numbers from 1 to ${most}, but has ${text}`)
}
