import { setTimeout } from 'node:timers/promises'
import { isAtWork } from '../background/audit.ts'
import type { Blow } from '../background/gaps.ts'
import { gapsOf } from '../background/gaps.ts'
import { hold, type Session } from '../background/session.ts'
import { wantedImports } from '../background/wanted.ts'
import type { Workshop } from '../background/workshop.ts'
import type { Lab } from '../lab.ts'
import { awaitedFor } from '../background/outcome.ts'
import { checkEndings, checkJobs } from '../oracle/jobs.ts'
import { checkMail, type Broken } from '../oracle/mail.ts'
import type { Random } from '../random.ts'
import { runOf, type Loop } from './loop.ts'

/** Something that is done to a workshop again and again. */
interface Trouble {
  /** Does it to the worker of this number, or to all, and mends it. */
  readonly strike: (workshop: Workshop, worker: number, random: Random) => Promise<Blow>
  /** Whether each worker is struck on its own. */
  readonly each: boolean
  /** Whether an import may be begun a second time without having got anywhere. */
  readonly costsAttempts: boolean
}

/** Imports in the background, and workers that are killed at any moment. */
export const jobs: Loop = {
  option: 'jobs',
  fault: 'imports in the background: kill -9 of two workers',
  runs: 4,
  run: (lab, runs) =>
    run(lab, runs, {
      each: true,
      costsAttempts: true,
      strike: async (workshop, worker, random) => {
        const who = await workshop.killWorker(worker)
        const at = await timeOf(workshop)
        await setTimeout(random.between(0, 1_000))
        await workshop.startWorker(worker)
        return { at, who }
      },
    }),
}

/** The same, and workers that are told to stop. */
export const jobStops: Loop = {
  option: 'job-sigterms',
  fault: 'imports in the background: SIGTERM to two workers',
  runs: 6,
  run: (lab, runs) =>
    run(lab, runs, {
      each: true,
      costsAttempts: false,
      strike: async (workshop, worker) => {
        const at = await timeOf(workshop)
        const who = await workshop.stopWorker(worker)
        await workshop.startWorker(worker)
        return { at, who }
      },
    }),
}

/** The same, and a server of the database that crashes. */
export const jobRestarts: Loop = {
  option: 'job-restarts',
  fault: 'imports in the background: immediate restart of PostgreSQL',
  runs: 4,
  run: (lab, runs) =>
    run(lab, runs, {
      each: false,
      costsAttempts: true,
      strike: async (workshop, _worker, random) => {
        const at = await timeOf(workshop)
        await workshop.crashDatabase()
        // a server that is away more often than not is another fault
        await setTimeout(random.between(0, 4_000))
        return { at }
      },
    }),
}

const ORGANIZATIONS = 10
// The goal, a minute, is reported; that much more is a fault even on a machine that has much else to do.
const STUCK = 5 * 60_000
// From here on it is the service that has to wait until its postmen's leases end.
const PATIENT = 50
// Most imports take longer.
const LONGEST_PAUSE = 400

async function run(lab: Lab, count: number, trouble: Trouble): Promise<void> {
  const { random, where } = runOf(lab, lab.from)
  const organizations = Math.min(ORGANIZATIONS, Math.ceil(count / 2))
  const wanted = wantedImports(random, { mark: lab.mark, count, organizations, rows: lab.rows })
  const clean = await hold(lab, wanted, { name: `${lab.mark}_clean`, organizations })
  lab.tell(`${lab.tally.fault}: done once in peace`)
  const blows: Blow[] = []
  // the same moments by the clock of this machine, which the mail server goes by
  const struck: Broken[] = []
  const broken = await hold(lab, wanted, {
    name: `${lab.mark}_broken`,
    organizations,
    patient: count >= PATIENT,
    trouble: async (workshop, ended) => {
      const repeat = async (worker: number): Promise<void> => {
        while (blows.length < 2 * count && !(await ended())) {
          await someMoment(workshop, random, trouble.each ? worker : undefined, ended)
          await hopeful(workshop, ended)
          const from = Date.now()
          blows.push(await trouble.strike(workshop, worker, random))
          struck.push([from, Date.now()])
        }
      }
      const workers = Array.from({ length: trouble.each ? workshop.workers : 1 }, (_, worker) => worker)
      await Promise.all(workers.map(repeat))
    },
  })
  lab.tally.complain(where, judge(lab, { clean, broken, blows, struck, costs: trouble.costsAttempts }))
}

interface Judged {
  readonly clean: Session
  readonly broken: Session
  readonly blows: readonly Blow[]
  readonly struck: readonly Broken[]
  readonly costs: boolean
}

function judge({ tally }: Lab, { clean, broken, blows, struck, costs }: Judged) {
  const checked = checkJobs(broken, clean)
  const mail = checkMail(broken.outcomes.map(awaitedFor), broken.letters, struck)
  const gaps = gapsOf(broken.audit, blows)
  const most = Math.max(...broken.audit.map(({ attempts }) => attempts ?? 0))
  tally.runs += broken.jobs.length
  tally.sent += checked.sent
  tally.reported += checked.reported
  tally.found += checked.found
  tally.doubled += checked.doubled
  tally.notes.push(
    `${broken.jobs.length} jobs, ${blows.length} blows`,
    `letters: ${mail.sent} sent, ${mail.lost} lost, ${mail.doubled} doubled`,
    `${gaps.wentOn} times a job went on, after ${seconds(gaps.median)} (median) and at most ${seconds(gaps.longest)}`,
    `at most ${most} attempts without progress`,
  )
  const left = [...broken.left, ...clean.left].map((what) => ({
    property: 'P11 nothing is left' as const,
    what,
  }))
  const told = broken.told.map((what) => ({ property: 'P13 no secret' as const, what }))
  const slow = gaps.longest > STUCK ? [`a job went on only after ${gaps.longest} ms`] : []
  const counted = !costs && most > 1 ? [`a job was begun ${most} times without getting anywhere`] : []
  return [
    ...checked.complaints,
    ...checkEndings(broken.audit, broken.jobs.length),
    ...mail.complaints,
    ...left,
    ...told,
    ...[...slow, ...counted].map((what) => ({ property: 'complete' as const, what })),
  ]
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`

async function timeOf({ database }: Workshop): Promise<number> {
  const [row] = await database.query<{ at: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as at',
  )
  return row?.at ?? 0
}

/** A random moment of an import that runs, or, now and then, any. */
async function someMoment(
  workshop: Workshop,
  random: Random,
  worker: number | undefined,
  ended: () => Promise<boolean>,
): Promise<void> {
  const isAny = random.between(1, 8) === 1
  const who = worker === undefined ? undefined : workshop.hand(worker)?.role
  while (!isAny && !(await isAtWork(workshop.database, who)) && !(await ended())) await setTimeout(20)
  await setTimeout(random.between(0, LONGEST_PAUSE))
}

// An import is given up when it was begun five times and got nowhere.
const LAST_CHANCE = 3

/** Waits while a further blow or two would use up the attempts of an import: that would be no fault. */
async function hopeful({ database }: Workshop, ended: () => Promise<boolean>): Promise<void> {
  const sql = `
    select 1 from import_jobs j join imports i on i.organization_id = j.organization_id and i.id = j.import_id
     where i.state in ('waiting', 'running') and j.attempts >= ${LAST_CHANCE}`
  while ((await database.query(sql)).length > 0 && !(await ended())) await setTimeout(100)
}
