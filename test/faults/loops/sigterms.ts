import { setTimeout } from 'node:timers/promises'
import { get, type PostOptions } from '../client.ts'
import { courseOf, someMoment } from '../moment.ts'
import type { Lab } from '../lab.ts'
import { tryOut } from '../trial.ts'
import { eachRun, runOf, type Loop } from './loop.ts'

// Supervisors kill after thirty seconds.
const EXIT_MILLISECONDS = 30_000
const HELD_EVERY = 10

/** The process is told to stop at any moment of an import; every tenth time the upload does not end by itself. */
export const sigterms: Loop = {
  option: 'sigterms',
  fault: 'SIGTERM to the service',
  runs: 2,
  run: async (lab, runs) => {
    const { stand, rows, tally } = lab
    await stand.restartService()
    const course = await courseOf(lab, runOf(lab, 0), rows[1])
    let slowest = 0
    await eachRun(lab, runs, async (run) => {
      const count = run.random.between(...rows)
      const moment = someMoment(lab, run, course, count)
      const held = run.number % HELD_EVERY === 0
      let lost = ''
      await tryOut(lab, run, {
        upload: { rows: count },
        options: { ...moment.options, ...(held ? holding() : {}) },
        terms: () => ({ complete: false }),
        killed: true,
        during: (answered) =>
          moment.during(answered, async () => {
            slowest = Math.max(slowest, await stop(lab, run.where))
            lost = await stand.database.now()
          }),
        mend: async () => {
          stand.proxy.heal()
          await stand.restartService()
          return lost
        },
      })
    })
    tally.notes.push(`exit after at most ${(slowest / 1_000).toFixed(1)} s`)
  },
}

/** The last byte is never sent. */
const holding = (): PostOptions => ({ hold: new Promise(() => undefined) })

/** Sends SIGTERM and waits for the exit; returns the milliseconds that it took. */
async function stop({ stand, tally }: Lab, where: string): Promise<number> {
  const { service, target } = stand
  const started = performance.now()
  service.child.kill('SIGTERM')
  await setTimeout(5)
  const { status } = await get(target, '/readyz', 5_000)
  if (![0, 200, 503].includes(status))
    tally.complain(where, [{ property: 'complete', what: `while it stops, /readyz says ${status}` }])
  const exit = await Promise.race([service.exit, setTimeout(EXIT_MILLISECONDS)])
  if (exit === undefined) {
    tally.hung += 1
    tally.complain(where, [{ property: 'P11 nothing is left', what: 'the process did not stop' }])
  } else if (exit.code !== 0) {
    tally.complain(where, [
      { property: 'complete', what: `the process ended with ${exit.code ?? exit.signal}` },
    ])
  }
  return performance.now() - started
}
