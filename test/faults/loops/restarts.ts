import { courseOf, someMoment } from '../moment.ts'
import { tryOut } from '../trial.ts'
import { eachRun, runOf, type Loop } from './loop.ts'

/** PostgreSQL is restarted at any moment of an import, as after a crash. */
export const restarts: Loop = {
  option: 'restarts',
  fault: 'immediate restart of PostgreSQL',
  runs: 2,
  run: async (lab, runs) => {
    const { stand, rows } = lab
    const course = await courseOf(lab, runOf(lab, 0), rows[1])
    let slowest = 0
    await eachRun(lab, runs, async (run) => {
      const count = run.random.between(...rows)
      const moment = someMoment(lab, run, course, count)
      await tryOut(lab, run, {
        upload: { rows: count },
        options: moment.options,
        terms: () => ({ complete: true, refusedBy: [503] }),
        during: (answered) =>
          moment.during(answered, async () => {
            const started = performance.now()
            await stand.server.crash()
            slowest = Math.max(slowest, performance.now() - started)
          }),
        mend: () => {
          stand.proxy.heal()
          return Promise.resolve(undefined)
        },
      })
    })
    lab.tally.notes.push(`the server was back after at most ${(slowest / 1_000).toFixed(1)} s`)
  },
}
