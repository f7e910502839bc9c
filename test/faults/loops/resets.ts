import { uploadOf, tryOut } from '../trial.ts'
import type { Run } from '../lab.ts'
import { eachRun, type Loop } from './loop.ts'

/** The client resets its connection at any byte of what it sends, or of what it gets. */
export const resets: Loop = {
  option: 'resets',
  fault: 'client resets at any byte',
  runs: 4,
  run: (lab, runs) =>
    eachRun(lab, runs, async (run) => {
      const { seed, tag, rows } = uploadOf(lab, run).options
      const upload = uploadOf(lab, run, { seed, tag, rows })
      const cut = someCut(run, upload.bytes().length)
      await tryOut(lab, run, {
        upload: { seed, tag, rows },
        options: cut,
        sent: (same) => same.rowsWithin(cut.cutAfter ?? Infinity),
      })
    }),
}

function someCut({ number, random }: Run, bytes: number): { cutAfter?: number; cutAtAnswer?: number } {
  const at = random.between(1, bytes)
  return number % 3 === 0 ? { cutAtAnswer: at } : { cutAfter: at }
}
