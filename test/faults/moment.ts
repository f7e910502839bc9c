import { setTimeout } from 'node:timers/promises'
import { post, type PostOptions } from './client.ts'
import type { Lab, Run } from './lab.ts'
import type { Answer } from './oracle/answer.ts'
import { uploadOf } from './trial.ts'

/** How an import goes when nothing breaks, so that what breaks can be laid into it. */
export interface Course {
  readonly milliseconds: number
  readonly statements: number
  readonly commits: number
  readonly answerBytes: number
  readonly rows: number
}

/** Imports a file in peace and measures it. */
export async function courseOf(lab: Lab, run: Run, rows: number): Promise<Course> {
  const { stand } = lab
  const upload = uploadOf(lab, run, { rows })
  await stand.database.seed(upload.seeded())
  stand.proxy.heal()
  const started = performance.now()
  // a key of its own costs statements, too
  const answer = await post(stand.target, upload, { key: `key-${upload.options.tag}` })
  const milliseconds = performance.now() - started
  const { statements, commits } = stand.proxy
  if (answer.status !== 200)
    throw new Error(`In peace an import is answered ${answer.status}: ${answer.body.toString()}`)
  return { milliseconds, statements, commits, answerBytes: answer.body.length, rows }
}

/** A moment in the course of an import at which something is to happen. */
export interface Moment {
  readonly options: PostOptions
  /** Calls once at the moment, or when the answer has ended, whichever is first. */
  readonly during: (answered: Promise<Answer>, call: () => Promise<void>) => Promise<void>
}

/** A moment that may be any: by the clock, by what was answered, or by what the database was asked. */
export function someMoment({ stand }: Lab, { random }: Run, course: Course, rows: number): Moment {
  const share = (rows / course.rows) * random.fraction()
  const kind = random.pick(['clock', 'answer', 'statement'] as const)
  let reached = (): void => undefined
  const moment = new Promise<void>((resolve) => (reached = resolve))
  if (kind === 'clock') {
    const late = Math.min(1.1 * share * course.milliseconds, 60_000)
    return { options: {}, during: (answered, call) => first([setTimeout(late), answered], call) }
  }
  if (kind === 'statement') {
    const nth = 1 + Math.floor(share * course.statements)
    stand.proxy.strike({
      at: 'statement',
      nth,
      blow: {
        kind: 'call',
        call: () => {
          reached()
        },
      },
    })
  }
  const bytes = Math.floor(share * course.answerBytes)
  const onAnswer = (length: number): void => {
    if (length >= bytes) reached()
  }
  const options = kind === 'answer' ? { onAnswer } : {}
  return { options, during: (answered, call) => first([moment, answered], call) }
}

async function first(moments: readonly Promise<unknown>[], call: () => Promise<void>): Promise<void> {
  await Promise.race(moments)
  await call()
}
