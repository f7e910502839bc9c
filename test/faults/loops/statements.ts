import type { Blow } from '../database-proxy.ts'
import type { Run } from '../lab.ts'
import type { AnswerTerms } from '../oracle/answer.ts'
import { courseOf } from '../moment.ts'
import { tryOut } from '../trial.ts'
import { eachRun, runOf, type Loop } from './loop.ts'

interface Failure {
  readonly sqlstate: string
  /** Whether the server ends the connection as well. */
  readonly fatal?: boolean
  /** What the service makes of it: tries again, takes it for a row's fault, or gives up. */
  readonly meaning: 'retry' | 'row' | 'any'
}

/** One or more of each class of SQLSTATE that an import may meet. */
const failures: readonly Failure[] = [
  { sqlstate: '08006', fatal: true, meaning: 'retry' },
  { sqlstate: '08P01', fatal: true, meaning: 'any' },
  { sqlstate: '22021', meaning: 'row' },
  { sqlstate: '23505', meaning: 'retry' },
  { sqlstate: '23514', meaning: 'row' },
  { sqlstate: '25006', meaning: 'retry' },
  { sqlstate: '25P03', fatal: true, meaning: 'retry' },
  { sqlstate: '40001', meaning: 'retry' },
  { sqlstate: '40P01', meaning: 'retry' },
  { sqlstate: '42501', meaning: 'any' },
  { sqlstate: '53000', meaning: 'retry' },
  { sqlstate: '53100', meaning: 'retry' },
  { sqlstate: '53300', fatal: true, meaning: 'retry' },
  { sqlstate: '55P03', meaning: 'retry' },
  { sqlstate: '57014', meaning: 'retry' },
  { sqlstate: '57P01', fatal: true, meaning: 'retry' },
  { sqlstate: '57P03', fatal: true, meaning: 'retry' },
  { sqlstate: '58030', meaning: 'retry' },
  { sqlstate: 'XX000', meaning: 'any' },
]

// Batches of 50, 200 and the rest: few statements, and each kind of them.
const ROWS = 400
// Not every import of so many rows needs as many statements.
const MARGIN = 4

/** The n-th statement fails, for some n, or (with more runs than there are pairs) every n, and each SQLSTATE. */
export const statements: Loop = {
  option: 'statements',
  fault: 'n-th statement fails, each SQLSTATE',
  runs: 19,
  run: async (lab, runs) => {
    const { stand } = lab
    const course = await courseOf(lab, runOf(lab, 0), ROWS)
    const last = course.statements + MARGIN
    const pairs = last * failures.length
    let struck = 0
    await eachRun(lab, Math.min(runs, pairs), async (run) => {
      const failure = failures[run.number % failures.length]!
      const nth =
        runs >= pairs ? 1 + Math.floor((run.number - 1) / failures.length) : run.random.between(1, last)
      let refused: string | undefined
      stand.proxy.strike({ at: 'statement', nth, blow: blowOf(failure) })
      await tryOut(lab, withFailure(run, nth, failure), {
        upload: { rows: ROWS, plain: true },
        terms: () => termsOf(failure, refused),
        mend: () => {
          refused = stand.proxy.struckStatement
          if (refused !== undefined) struck += 1
          stand.proxy.heal()
          return Promise.resolve(undefined)
        },
      })
    })
    lab.tally.notes.push(
      `${course.statements} statements × ${failures.length} SQLSTATEs, ${struck} of the failures came about`,
    )
  },
}

function blowOf({ sqlstate, fatal = false }: Failure): Blow {
  return { kind: fatal ? 'end' : 'fail', sqlstate }
}

/**
 * Where the database refuses something once, at most one row may be refused for it. Such an error outside a batch
 * is a mistake of the service's, and may be answered so; where the receipt is finished, by breaking off.
 */
function termsOf({ meaning, sqlstate }: Failure, refused = ''): AnswerTerms {
  const isLate = /\bended_at = clock_timestamp\(\)/.test(refused)
  const asMistake = meaning === 'row' || sqlstate === '23505'
  return {
    complete: meaning !== 'any' && !(isLate && meaning === 'row'),
    refusedBy: asMistake ? [500, 503] : [503],
    refusals: meaning === 'row' ? 1 : 0,
  }
}

function withFailure(run: Run, nth: number, { sqlstate }: Failure): Run {
  return { ...run, where: `${run.where}, statement ${nth} fails with ${sqlstate}` }
}
