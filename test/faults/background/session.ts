import { setTimeout } from 'node:timers/promises'
import type { Lab } from '../lab.ts'
import type { Ended } from '../oracle/jobs.ts'
import { handIn, type Commissioned } from './ask.ts'
import { auditOf, type Noted } from './audit.ts'
import { LetterBox, type Got } from './letters.ts'
import { outcomesOf, usersOf } from './outcome.ts'
import { seededFor, type Wanted } from './wanted.ts'
import { Workshop } from './workshop.ts'

/** What is left of a session when all of its imports have ended. */
export interface Session extends Ended {
  readonly jobs: readonly Commissioned[]
  readonly audit: readonly Noted[]
  readonly letters: readonly Got[]
  /** What should not be there any more, or not yet be. */
  readonly left: readonly string[]
  /** What processes said that they should not have said. */
  readonly told: readonly string[]
}

export interface SessionOptions {
  readonly name: string
  readonly organizations: number
  /**
   * Breaks what it can until all imports have ended, and puts everything in order before it resolves. What tells whether
   * they have throws where they never will.
   */
  readonly trouble?: (workshop: Workshop, ended: () => Promise<boolean>) => Promise<void>
  /** Whether letters whose postman was killed are waited for as long as it takes, some minutes. */
  readonly patient?: boolean
}

// However loaded the machine is: what takes longer is stuck.
const PATIENCE = 5 * 60_000
const PATIENCE_FOR_EACH = 10_000
// A postman's lease and then some.
const LETTERS = 5 * 60_000
const POLL = 250
const WORKERS = 2

/** Hands imports in at a workshop of their own, has them done by two workers while trouble is made, and looks at it all. */
export async function hold(lab: Lab, wanted: readonly Wanted[], options: SessionOptions): Promise<Session> {
  const { name, organizations, trouble, patient = false } = options
  const workshop = await Workshop.open(lab.stand.server, { name, organizations, workers: WORKERS })
  try {
    const box = new LetterBox(workshop.mail, () => setTimeout(20))
    await workshop.database.seed(seededFor(wanted))
    let jobs: readonly Commissioned[] | undefined
    const handing = handIn(workshop, wanted).then((all) => (jobs = all))
    const end = Date.now() + PATIENCE + wanted.length * PATIENCE_FOR_EACH
    const ended = async (): Promise<boolean> => {
      const areHandedIn = jobs !== undefined
      const left = await unended(workshop)
      if (Date.now() > end) throw new Error(`${left} imports have not ended`)
      return areHandedIn && left === 0
    }
    await Promise.all([handing, trouble?.(workshop, ended)])
    while (!(await ended())) await setTimeout(POLL)
    if (!patient) await hasten(workshop)
    await lettersGone(workshop)
    return {
      jobs: jobs!,
      outcomes: await outcomesOf(workshop, jobs!),
      users: await usersOf(workshop),
      audit: await auditOf(workshop.database),
      letters: box.got,
      left: await leftIn(workshop),
      told: workshop.told(),
    }
  } finally {
    await workshop.close()
  }
}

async function lettersGone(workshop: Workshop): Promise<void> {
  const end = Date.now() + LETTERS
  for (;;) {
    const left = await countOf(workshop, `letters where state = 'waiting'`)
    if (left === 0) return
    if (Date.now() > end) throw new Error(`${left} letters have not been sent`)
    await setTimeout(POLL)
  }
}

async function countOf({ database }: Workshop, rest: string): Promise<number> {
  const [row] = await database.query<{ count: string }>(`select count(*) from ${rest}`)
  return Number(row?.count)
}

const unended = (workshop: Workshop): Promise<number> =>
  countOf(workshop, `imports where state in ('waiting', 'running')`)

/** A letter whose postman was killed is tried again after minutes: has the clock jump, when nobody has one under way. */
async function hasten(workshop: Workshop): Promise<void> {
  for (let index = 0; index < WORKERS; index += 1) await workshop.stopWorker(index)
  await workshop.database.query(`update letters set next_attempt_at = now() where state = 'waiting'`)
  for (let index = 0; index < WORKERS; index += 1) await workshop.startWorker(index)
}

// Whoever is reminded of what has ended meanwhile needs a moment to see it.
const TIDY = 15_000

async function leftIn(workshop: Workshop): Promise<readonly string[]> {
  const end = Date.now() + TIDY
  for (;;) {
    const left: string[] = []
    for (const rest of ['import_payloads', 'pgboss.job', `letters where state <> 'sent'`]) {
      const count = await countOf(workshop, rest)
      if (count > 0) left.push(`${count} in ${rest}`)
    }
    if (left.length === 0 || Date.now() > end) return left
    await setTimeout(POLL)
  }
}
