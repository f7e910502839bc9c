import { hashText, Random } from '../random.ts'
import type { Lab, Run } from '../lab.ts'

/** One fault, as often as is wanted. */
export interface Loop {
  /** Its option on the command line. */
  readonly option: string
  /** Its name in the table. */
  readonly fault: string
  /** How often it runs when nothing is said, or what else its option counts. */
  readonly runs: number
  readonly run: (lab: Lab, runs: number, amounts: readonly number[]) => Promise<void>
}

/** Runs of a loop, each with numbers of its own: a run can be repeated without those before it. */
export async function eachRun(lab: Lab, runs: number, use: (run: Run) => Promise<void>): Promise<void> {
  const { from } = lab
  for (let number = from; number < from + runs; number += 1) {
    if (number % 10 === 0) lab.tell(`${lab.tally.fault}: run ${number} of ${runs}`)
    await use(runOf(lab, number))
  }
}

export function runOf(lab: Lab, number: number): Run {
  const random = new Random(Math.imul(lab.seed, 1_000_003) + hashText(lab.mark) + number)
  return { number, random, where: `${lab.tally.fault}, seed ${lab.seed}, run ${number}` }
}
