import { setTimeout } from 'node:timers/promises'
import type { Lab, Run } from '../lab.ts'
import { courseOf, someMoment } from '../moment.ts'
import { tryOut, type Trial } from '../trial.ts'
import { eachRun, runOf, type Loop } from './loop.ts'

const LONGEST_MILLISECONDS = 3_000

/** The way to the database is slow, stalls, or breaks for up to three seconds. */
export const outages: Loop = {
  option: 'outages',
  fault: 'database slow, stalled, or away for up to 3 s',
  runs: 4,
  run: async (lab, runs) => {
    const course = await courseOf(lab, runOf(lab, 0), lab.rows[1])
    await eachRun(lab, runs, async (run) => {
      const rows = run.random.between(...lab.rows)
      const moment = someMoment(lab, run, course, rows)
      const milliseconds = run.random.between(100, LONGEST_MILLISECONDS)
      const outage = someOutage(lab, run, milliseconds)
      const mend = (): Promise<undefined> => {
        lab.stand.proxy.heal()
        return Promise.resolve(undefined)
      }
      await tryOut(lab, run, {
        upload: { rows },
        options: moment.options,
        terms: () => ({ complete: true, refusedBy: outage.harmless ? [] : [503] }),
        during: (answered) => moment.during(answered, outage.happen),
        mend,
      })
    })
  },
}

/** The database is away for longer than anything is retried: the import is aborted, and says so. */
export const longOutages: Loop = {
  option: 'long-outages',
  fault: 'database away for 40 s',
  runs: 0,
  run: async (lab, runs) => {
    const course = await courseOf(lab, runOf(lab, 0), lab.rows[1])
    await eachRun(lab, runs, async (run) => {
      const rows = run.random.between(...lab.rows)
      const moment = someMoment(lab, run, course, rows)
      const { proxy } = lab.stand
      const stalled = run.number % 2 === 0
      const trial: Trial = {
        upload: { rows },
        options: moment.options,
        during: (answered) =>
          moment.during(answered, async () => {
            proxy.setMode({ kind: stalled ? 'stall' : 'refuse' })
            if (!stalled) proxy.cutAll()
            await setTimeout(40_000)
            proxy.heal()
          }),
      }
      await tryOut(lab, run, trial)
    })
  },
}

interface Outage {
  /** Whether no connection is lost. */
  readonly harmless: boolean
  readonly happen: () => Promise<void>
}

function someOutage({ stand: { proxy } }: Lab, { number }: Run, milliseconds: number): Outage {
  const lasting = async (mode: Parameters<typeof proxy.setMode>[0]): Promise<void> => {
    proxy.setMode(mode)
    await setTimeout(milliseconds)
    proxy.setMode({ kind: 'pass' })
  }
  const kinds: readonly Outage[] = [
    { harmless: true, happen: () => lasting({ kind: 'delay', milliseconds: 1 + (milliseconds % 40) }) },
    { harmless: true, happen: () => lasting({ kind: 'stall' }) },
    {
      harmless: false,
      happen: () => {
        proxy.cutAll()
        return Promise.resolve()
      },
    },
    {
      harmless: false,
      happen: () => {
        proxy.cutAll()
        return lasting({ kind: 'refuse' })
      },
    },
  ]
  return kinds[number % kinds.length]!
}
