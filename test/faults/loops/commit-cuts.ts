import type { Blow } from '../database-proxy.ts'
import type { Run } from '../lab.ts'
import { courseOf } from '../moment.ts'
import { tryOut } from '../trial.ts'
import { eachRun, runOf, type Loop } from './loop.ts'

// COMMIT as a message has 13 bytes, its answer 18.
const COMMIT_AND_ANSWER = 31

/** The connection to the database is cut before, after or in the middle of a COMMIT. */
export const commitCuts: Loop = {
  option: 'commit-cuts',
  fault: 'connection cut around COMMIT',
  runs: 3,
  run: async (lab, runs) => {
    const { stand, rows } = lab
    const course = await courseOf(lab, runOf(lab, 0), rows[1])
    let struck = 0
    await eachRun(lab, runs, async (run) => {
      const count = run.random.between(...rows)
      const most = Math.max(1, Math.round((course.commits * count) / course.rows))
      stand.proxy.strike({ at: 'commit', nth: run.random.between(1, most), blow: someCut(run) })
      await tryOut(lab, run, {
        upload: { rows: count },
        terms: () => ({ complete: true, refusedBy: [503] }),
        mend: () => {
          if (stand.proxy.struck) struck += 1
          stand.proxy.heal()
          return Promise.resolve(undefined)
        },
      })
    })
    lab.tally.notes.push(`${struck} of the cuts came about`)
  },
}

function someCut({ number, random }: Run): Blow {
  const kinds = ['cut-before', 'cut-after', 'cut-at'] as const
  const kind = kinds[number % kinds.length]!
  return kind === 'cut-at' ? { kind, byte: random.between(0, COMMIT_AND_ANSWER) } : { kind }
}
