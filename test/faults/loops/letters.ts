import { setTimeout } from 'node:timers/promises'
import { answer } from '../../mail/mail-server.ts'
import { askFor, handIn, type Commissioned } from '../background/ask.ts'
import { LetterBox } from '../background/letters.ts'
import { awaitedFor } from '../background/outcome.ts'
import { seededFor, wantedImports } from '../background/wanted.ts'
import { Workshop } from '../background/workshop.ts'
import type { Lab } from '../lab.ts'
import { Complaints } from '../oracle/complaint.ts'
import { checkMail } from '../oracle/mail.ts'
import { runOf, type Loop } from './loop.ts'

const ORGANIZATIONS = 4
// However loaded the machine is.
const STUCK = 10 * 60_000
const POLL = 250
// Both stand in the answer of the server.
const [CODE, WORDS] = [550, 'This mailbox was closed in the spring']

/** The mail server is away for some seconds, which is the second number; then it refuses all letters for good. */
export const letters: Loop = {
  option: 'letters',
  fault: 'imports in the background: SMTP away, then refusing for good',
  runs: 4,
  run: async (lab, count, [, away = 3]) => {
    const { random, where } = runOf(lab, lab.from)
    const rows = [0, 200] as const
    const wanted = wantedImports(random, {
      mark: lab.mark,
      count: 2 * count,
      organizations: ORGANIZATIONS,
      rows,
    })
    const options = { name: `${lab.mark}_one`, organizations: ORGANIZATIONS, workers: 2 }
    const workshop = await Workshop.open(lab.stand.server, options)
    try {
      await workshop.database.seed(seededFor(wanted))
      const complaints = new Complaints()
      await whileAway(lab, workshop, await outage(workshop, away, wanted.slice(0, count)), complaints)
      workshop.mail.verdict = () => answer(CODE, WORDS)
      await whileRefusing(lab, workshop, await handIn(workshop, wanted.slice(count)), complaints)
      for (const what of workshop.told()) complaints.add('P13 no secret', what)
      lab.tally.complain(where, complaints.all)
    } finally {
      await workshop.close()
    }
  },
}

interface Letter {
  readonly state: string
  readonly attempts: number
  readonly failure: { readonly code: string; readonly detail: string } | null
}

interface Outage {
  readonly jobs: readonly Commissioned[]
  readonly box: LetterBox
  /** When the mail server was there again. */
  readonly up: number
}

/** Hands imports in while the mail server is away, and has it come back. */
async function outage(
  workshop: Workshop,
  away: number,
  wanted: Parameters<typeof handIn>[1],
): Promise<Outage> {
  await workshop.closeMail()
  const jobs = await handIn(workshop, wanted)
  await settled(workshop, jobs, (letter) => letter.attempts > 0 && letter.failure !== null)
  await setTimeout(away * 1_000)
  await workshop.openMail()
  return { jobs, box: new LetterBox(workshop.mail), up: Date.now() }
}

async function whileAway(
  lab: Lab,
  workshop: Workshop,
  { jobs, box, up }: Outage,
  complaints: Complaints,
): Promise<void> {
  const told = await settled(workshop, jobs, ({ state }) => state !== 'waiting')
  const mail = checkMail(told.map(awaitedFor), box.got, [])
  for (const { property, what } of mail.complaints) complaints.add(property, what)
  for (const { state, letter, key } of told) {
    if (state !== 'finished' || letter?.state !== 'sent' || letter.failure !== null)
      complaints.add('receipt', `${key} is ${state}, its letter ${JSON.stringify(letter)}`)
  }
  const attempts = Math.max(...told.map(({ letter }) => letter?.attempts ?? 0))
  const last = Math.max(...box.got.map(({ at }) => at)) - up
  lab.tally.runs += jobs.length
  lab.tally.notes.push(
    `away: ${mail.sent} letters sent, ${mail.lost} lost, ${mail.doubled} doubled, at most ${attempts} attempts, ` +
      `the last came ${(last / 1_000).toFixed(1)} s after the server was back`,
  )
}

async function whileRefusing(
  lab: Lab,
  workshop: Workshop,
  jobs: readonly Commissioned[],
  complaints: Complaints,
): Promise<void> {
  const told = await settled(workshop, jobs, ({ state }) => state !== 'waiting')
  for (const { state, letter, key } of told) {
    const detail = letter?.failure?.detail ?? ''
    const isTold = letter?.state === 'failed' && detail.includes(WORDS) && detail.includes(String(CODE))
    if (state !== 'finished' || !isTold)
      complaints.add('receipt', `${key} is ${state}, its letter ${JSON.stringify(letter)}`)
  }
  const [example] = told
  lab.tally.runs += jobs.length
  lab.tally.notes.push(
    `refused: ${told.filter(({ letter }) => letter?.state === 'failed').length} of ${jobs.length} receipts say ` +
      `"${example?.letter?.failure?.detail ?? ''}"`,
  )
}

interface Told {
  readonly key: string
  readonly state: string
  readonly letter: Letter | undefined
  readonly commissioned: Commissioned
  /** The whole receipt. */
  readonly told: Readonly<Record<string, unknown>>
}

interface Receipt {
  readonly state: string
  readonly letters?: readonly Letter[]
}

/** What receipts say of imports and their letters as soon as all letters are so. */
async function settled(
  workshop: Workshop,
  jobs: readonly Commissioned[],
  isSo: (letter: Letter) => boolean,
): Promise<readonly Told[]> {
  const end = Date.now() + STUCK
  for (;;) {
    const told: Told[] = []
    for (const job of jobs) {
      const { body } = await askFor(workshop, job, job.location)
      const receipt = JSON.parse(body.toString()) as Receipt
      const { state, letters: [letter] = [] } = receipt
      told.push({ key: job.key, state, letter, commissioned: job, told: { ...receipt } })
    }
    if (told.every(({ letter }) => letter !== undefined && isSo(letter))) return told
    if (Date.now() > end) throw new Error(`The letters are ${JSON.stringify(told)}`)
    await setTimeout(POLL)
  }
}
