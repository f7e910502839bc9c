import { parseArgs } from 'node:util'
import { clients } from './loops/clients.ts'
import { commitCuts } from './loops/commit-cuts.ts'
import { kills } from './loops/kills.ts'
import { fair } from './loops/fair.ts'
import { frozen } from './loops/frozen.ts'
import { jobRestarts, jobs, jobStops } from './loops/jobs.ts'
import { letters } from './loops/letters.ts'
import type { Loop } from './loops/loop.ts'
import { opposite } from './loops/opposite.ts'
import { longOutages, outages } from './loops/outages.ts'
import { resets } from './loops/resets.ts'
import { restarts } from './loops/restarts.ts'
import { sigterms } from './loops/sigterms.ts'
import { statements } from './loops/statements.ts'

const loops: readonly Loop[] = [
  ...[kills, restarts, commitCuts, outages, longOutages, statements, sigterms, opposite, resets, clients],
  ...[jobs, jobStops, jobRestarts, fair, frozen, letters],
]

/** A loop and what its option says. */
export interface WantedLoop {
  readonly loop: Loop
  readonly amounts: readonly number[]
}

/** What the command line says. */
export interface Options {
  readonly loops: readonly WantedLoop[]
  readonly seed: number
  /** The first run of each loop, to repeat one. */
  readonly from: number
  readonly rows: readonly [number, number]
  readonly record: boolean
}

export const usage = `
Usage: npm run test:faults -- [OPTION]...

${loops.map(({ option, fault, runs }) => `  --${option} N`.padEnd(22) + `${fault} (${runs})`).join('\n')}
                      N is how often, for clients a list of sizes in MB; statements takes "all";
                      for jobs, job-sigterms and job-restarts how many imports; for fair A,B how many wait and
                      how many others come; for frozen A,1 how often, a minute's lease waited for;
                      for letters A,B how many imports, and for how many seconds SMTP is away
  --only A,B          only these loops, of those above
  --rows A-B          rows of an upload (2000-8000)
  --seed N            repeats what a seed gave; --from N begins at that run, with a count of 1 it is the only one
  --record            puts the lines into test/behaviour/RESULTS.md
`

/** @throws Error If they make no sense */
export function readOptions(args: readonly string[]): Options {
  const counts = Object.fromEntries(loops.map(({ option }) => [option, { type: 'string' as const }]))
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...counts,
      only: { type: 'string' },
      rows: { type: 'string', default: '2000-8000' },
      seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 1_000_000)) },
      from: { type: 'string', default: '1' },
      record: { type: 'boolean', default: false },
    },
  })
  const [least = 0, most = least] = values.rows.split('-').map(numberOf)
  const said = values as Readonly<Record<string, string | boolean | undefined>>
  return {
    loops: wantedOf(values.only, said),
    seed: numberOf(values.seed),
    from: numberOf(values.from),
    rows: [least, most],
    record: values.record,
  }
}

function wantedOf(
  only: string | undefined,
  said: Readonly<Record<string, string | boolean | undefined>>,
): WantedLoop[] {
  const names = only?.split(',')
  const unknown = names?.find((name) => !loops.some(({ option }) => option === name))
  if (unknown !== undefined) throw new Error(`--only must name loops, but has ${unknown}`)
  return loops
    .filter(({ option }) => names?.includes(option) ?? true)
    .map((loop) => {
      const amounts = String(said[loop.option] ?? loop.runs).split(',')
      return { loop, amounts: amounts.map((one) => (one === 'all' ? Infinity : numberOf(one))) }
    })
    .filter(({ amounts }) => amounts[0] !== 0)
}

function numberOf(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`An option must be a whole number, but has ${text}`)
  return Number(text)
}
