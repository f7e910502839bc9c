import { post } from '../client.ts'
import type { Lab, Run } from '../lab.ts'
import { checkAnswer } from '../oracle/answer.ts'
import { checkCleanRun, checkKept } from '../oracle/import.ts'
import { readTable } from '../oracle/table.ts'
import { uploadOf } from '../trial.ts'
import { eachRun, type Loop } from './loop.ts'

/** Two clients import the same users at the same time, one from the first to the last and one the other way. */
export const opposite: Loop = {
  option: 'opposite',
  fault: 'two imports of the same rows in opposite order',
  runs: 2,
  run: (lab, runs) => eachRun(lab, runs, (run) => inOpposite(lab, run)),
}

async function inOpposite(lab: Lab, run: Run): Promise<void> {
  const { stand, tally } = lab
  const { seed, tag, rows } = uploadOf(lab, run).options
  const shared = { seed, tag, rows, plain: true }
  const uploads = [
    uploadOf(lab, run, { ...shared, variant: 'A' }),
    uploadOf(lab, run, { ...shared, variant: 'B', backward: true }),
  ] as const
  await stand.database.seed(uploads[0].seeded())
  const answers = await Promise.all(uploads.map((upload) => post(stand.target, upload)))
  tally.complain(run.where, await stand.leftovers())
  const reports = answers.map((answer, index) =>
    checkAnswer(uploads[index]!, answer, { complete: true, contested: true }),
  )
  const found = await readTable(stand.database.pages(), ...uploads)
  const kept = checkKept(reports, found)
  tally.runs += 1
  tally.sent += 2 * rows
  tally.reported += kept.reported
  tally.found += kept.found
  tally.doubled += found.doubled
  answers.forEach((answer) => {
    tally.ended(answer)
  })
  tally.complain(run.where, [
    ...reports.flatMap(({ complaints }) => complaints),
    ...[...found.complaints, ...kept.complaints, ...checkCleanRun(uploads[0], found)],
    ...stand.checkLog(),
  ])
}
