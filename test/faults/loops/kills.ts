import { courseOf, someMoment } from '../moment.ts'
import { tryOut } from '../trial.ts'
import { eachRun, runOf, type Loop } from './loop.ts'

/** The process is killed at any moment of an import, and started again at once. */
export const kills: Loop = {
  option: 'kills',
  fault: 'kill -9 of the service',
  runs: 2,
  run: async (lab, runs) => {
    const { stand, rows } = lab
    await stand.restartService()
    const course = await courseOf(lab, runOf(lab, 0), rows[1])
    await eachRun(lab, runs, async (run) => {
      const count = run.random.between(...rows)
      const moment = someMoment(lab, run, course, count)
      let lost = ''
      await tryOut(lab, run, {
        upload: { rows: count },
        options: moment.options,
        killed: true,
        during: (answered) =>
          moment.during(answered, async () => {
            await stand.service.kill()
            lost = await stand.database.now()
          }),
        mend: async () => {
          stand.proxy.heal()
          await stand.restartService()
          return lost
        },
      })
    })
  },
}
