import { setTimeout } from 'node:timers/promises'
import { auditOf, isAtWork, type Noted } from '../background/audit.ts'
import { hold } from '../background/session.ts'
import { Members } from '../background/members.ts'
import { wantedImports, type Wanted } from '../background/wanted.ts'
import type { Hand, Workshop } from '../background/workshop.ts'
import type { Lab, Run } from '../lab.ts'
import type { Complaint } from '../oracle/complaint.ts'
import { checkEndings, checkJobs } from '../oracle/jobs.ts'
import type { Random } from '../random.ts'
import { eachRun, type Loop } from './loop.ts'

// After that a process that was not seen is taken for dead.
const LEASE = 60_000
// However loaded the machine is.
const STUCK = 5 * 60_000
// What a worker that woke up needs to do what it was about to do.
const AWAKE = 3_000
const POLL = 20

/**
 * A worker is stopped in the middle of an import until another has it, and then goes on. The second number says whether
 * that is waited for, over a minute each time (1), or whether the clock is made to jump (0).
 */
export const frozen: Loop = {
  option: 'frozen',
  fault: 'imports in the background: a worker is frozen beyond its lease',
  runs: 1,
  run: async (lab, runs, [, waits = 0]) => {
    let [longest, late] = [0, 0]
    await eachRun(lab, runs, async (run) => {
      const wanted = longImport(lab, run)
      const clean = await hold(lab, wanted, { name: `${lab.mark}_clean_${run.number}`, organizations: 1 })
      const frost: Frost = { random: run.random, waits: waits > 0, wakesEarly: run.number % 2 === 1 }
      let thawed: Thawed | undefined
      const broken = await hold(lab, wanted, {
        name: `${lab.mark}_broken_${run.number}`,
        organizations: 1,
        trouble: async (workshop, ended) => {
          thawed = await freezeAndThaw(workshop, frost, ended)
        },
      })
      const checked = checkJobs(broken, clean)
      lab.tally.runs += 1
      lab.tally.sent += checked.sent
      lab.tally.reported += checked.reported
      lab.tally.found += checked.found
      lab.tally.doubled += checked.doubled
      const mail = broken.letters.length === 1 ? [] : [`${broken.letters.length} letters came`]
      const fencing = thawed === undefined ? ['nothing was frozen'] : writtenBy(thawed, broken.audit)
      longest = Math.max(longest, thawed?.gap ?? 0)
      late += thawed === undefined ? 0 : 1
      lab.tally.complain(run.where, [
        ...checked.complaints,
        ...checkEndings(broken.audit, 1),
        ...[...mail, ...fencing, ...broken.left].map((what): Complaint => ({
          property: 'P8 nothing else changed',
          what,
        })),
        ...broken.told.map((what): Complaint => ({ property: 'P13 no secret', what })),
      ])
    })
    const how = waits > 0 ? 'its lease was waited for' : 'the clock was made to jump'
    lab.tally.notes.push(
      `${late} frozen while they imported; ${how}; another went on after at most ${(longest / 1_000).toFixed(1)} s`,
    )
  },
}

/** The first of many that has all its rows, and one by one. */
function longImport(lab: Lab, { random, number }: Run): readonly Wanted[] {
  const options = { mark: `${lab.mark}${number}`, count: 40, organizations: 40, rows: lab.rows }
  const found = wantedImports(random, options).find(({ strict, what }) => !strict && what.rows >= lab.rows[0])
  if (found === undefined) throw new Error('No import is long enough')
  return [{ ...found, organization: 1, what: ofFirst(found.what) }]
}

function ofFirst(what: Wanted['what']): Wanted['what'] {
  return what instanceof Members ? new Members({ ...what.options, organization: 1 }) : what
}

interface Frost {
  readonly random: Random
  /** Whether the lease is waited for. */
  readonly waits: boolean
  /** Whether it wakes up as soon as another has its import, or when that has ended. */
  readonly wakesEarly: boolean
}

interface Thawed {
  readonly role: string
  /** By the clock of the database, when another began. */
  readonly taken: number
  /** How long that took, in milliseconds. */
  readonly gap: number
}

async function freezeAndThaw(
  workshop: Workshop,
  { random, waits, wakesEarly }: Frost,
  ended: () => Promise<boolean>,
): Promise<Thawed | undefined> {
  const hand = await atWork(workshop, ended)
  if (hand === undefined) return undefined
  await setTimeout(random.between(0, 100))
  hand.process.child.kill('SIGSTOP')
  const since = Date.now()
  try {
    if (waits) await setTimeout(LEASE)
    else await haveSeenLongAgo(workshop, hand.role)
    const taken = await takenFrom(workshop, hand.role, ended)
    const gap = Date.now() - since
    if (!wakesEarly) while (!(await ended())) await setTimeout(POLL)
    return taken === undefined ? undefined : { role: hand.role, taken: taken.at, gap }
  } finally {
    hand.process.child.kill('SIGCONT')
    await setTimeout(AWAKE)
  }
}

/** The worker that has the import, once some of it is stored. */
async function atWork(workshop: Workshop, ended: () => Promise<boolean>): Promise<Hand | undefined> {
  while (!(await ended())) {
    for (let index = 0; index < workshop.workers; index += 1) {
      const hand = workshop.hand(index)
      if (hand !== undefined && (await isAtWork(workshop.database, hand.role))) return hand
    }
    await setTimeout(POLL / 4)
  }
  return undefined
}

/** Makes it as if a worker was seen a minute earlier. */
async function haveSeenLongAgo({ database }: Workshop, role: string): Promise<void> {
  await database.query(
    `update processes p set seen_at = seen_at - interval '1 minute'
       from pg_stat_activity a where a.pid = p.backend and a.usename = $1`,
    [role],
  )
}

/** When another worker has begun where this one was stopped. */
async function takenFrom(
  { database }: Workshop,
  role: string,
  ended: () => Promise<boolean>,
): Promise<Noted | undefined> {
  const end = Date.now() + STUCK
  while (Date.now() < end) {
    const begun = (await auditOf(database)).filter(({ state }) => state === 'running')
    const taken = begun.find(({ who, fence }) => who !== role && (fence ?? 0) > 1)
    if (taken !== undefined || (await ended())) return taken
    await setTimeout(POLL)
  }
  throw new Error('No other worker went on')
}

/** What a worker wrote of an import after another had it. */
function writtenBy({ role, taken }: Thawed, audit: readonly Noted[]): readonly string[] {
  const late = audit.filter(({ who, at }) => who === role && at > taken)
  return late.map(
    ({ what, state }) => `the frozen worker wrote a ${what} ${state ?? ''} after it was taken over`,
  )
}
