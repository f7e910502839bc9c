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

interface Cut {
  readonly cutAfter?: number
  readonly cutDelay?: number
  readonly cutAtAnswer?: number
}

function someCut({ number, random }: Run, bytes: number): Cut {
  const at = random.between(1, bytes)
  if (number % 3 === 0) return { cutAtAnswer: at }
  return { cutAfter: at, cutDelay: number % 3 === 1 ? 0 : random.between(1, 300) }
}
