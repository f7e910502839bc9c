import { parse } from 'csv-parse/sync'
import { createHash } from 'node:crypto'
import type { Noted } from '../background/audit.ts'
import { Members } from '../background/members.ts'
import type { KeptUser, Outcome } from '../background/outcome.ts'
import { stateOf, type Values } from '../stored-user.ts'
import { checkAnswer } from './answer.ts'
import { Complaints, type Complaint } from './complaint.ts'
import { tellsTooMuch } from './secrets.ts'

/** What a number of imports in the background has come to. */
export interface Ended {
  readonly outcomes: readonly Outcome[]
  readonly users: readonly KeptUser[]
}

/** What was found, and how much of it. */
export interface Checked {
  readonly complaints: readonly Complaint[]
  readonly sent: number
  readonly reported: number
  readonly found: number
  readonly doubled: number
}

/** A row of a result. */
interface ResultRow {
  readonly disposition: string
  readonly id: string
}

/**
 * Checks what imports have come to while something broke: each result against what was sent, the receipts against
 * the results, and all of it, users too, against a run of the same imports in peace.
 */
export function checkJobs(broken: Ended, clean: Ended): Checked {
  const complaints = new Complaints()
  const check = new JobsCheck(complaints, broken, clean)
  broken.outcomes.forEach((outcome, index) => {
    check.outcome(outcome, clean.outcomes[index]!)
  })
  check.usersAsInPeace()
  return { ...check.numbers, complaints: complaints.all }
}

class JobsCheck {
  readonly numbers = { sent: 0, reported: 0, found: 0, doubled: 0 }
  readonly #complaints: Complaints
  readonly #broken: Ended
  readonly #clean: Ended
  readonly #emails: ReadonlyMap<string, string>
  readonly #cleanEmails: ReadonlyMap<string, string>
  readonly #byEmail: ReadonlyMap<string, KeptUser>
  readonly #inPeace: ReadonlyMap<string, string>

  constructor(complaints: Complaints, broken: Ended, clean: Ended) {
    this.#complaints = complaints
    this.#broken = broken
    this.#clean = clean
    this.#emails = emailsById(broken.users)
    this.#cleanEmails = emailsById(clean.users)
    this.#byEmail = new Map(broken.users.map((user) => [keyOf(user), user]))
    this.#inPeace = new Map(clean.users.map((user) => [keyOf(user), JSON.stringify(user.values)]))
  }

  outcome(outcome: Outcome, inPeace: Outcome): void {
    const { commissioned, receipt, result } = outcome
    const where = `${commissioned.key} of organization ${commissioned.organization}`
    if (receipt?.state !== 'finished' || result.status !== 200) {
      const what = `${where} is ${receipt?.state ?? 'unknown'}, its result answered ${result.status}: `
      this.#complaints.add('complete', what + JSON.stringify(outcome.told['reason'] ?? ''))
      return
    }
    const rows = rowsOf(outcome)
    this.#counts(where, outcome, rows)
    this.#digests(where, outcome)
    this.#sameAsInPeace(where, outcome, inPeace)
    this.#reported(where, outcome, rows)
    this.#asSent(where, outcome, rows)
    if (!commissioned.again && !this.#isRepeated(outcome)) this.#stored(where, outcome)
    const told = tellsTooMuch(JSON.stringify(outcome.told))
    if (told !== undefined) this.#complaints.add('P13 no secret', `the receipt of ${where} tells ${told}`)
  }

  #isRepeated({ commissioned: { what } }: Outcome): boolean {
    const same = this.#broken.outcomes.filter(
      (other) => other.commissioned.what.options.tag === what.options.tag,
    )
    return same.length > 1
  }

  #counts(where: string, { told, commissioned: { what } }: Outcome, rows: readonly ResultRow[]): void {
    const counts = told['counts'] as Readonly<Record<string, number>>
    const all = what instanceof Members ? counts['members'] : counts['rows']
    const good = rows.filter(({ disposition }) => isGood(disposition)).length
    const said = [all, counts['imported'] ?? counts['valid'], counts['invalid'], counts['skipped']]
    const count = (name: string): number => rows.filter(({ disposition }) => disposition === name).length
    const found = [rows.length, good, count('invalid'), count('skipped')]
    if (said.join() !== found.join())
      this.#complaints.add('receipt', `${where} counts ${said.join()}, its result has ${found.join()}`)
    if (rows.length !== what.rows) {
      this.numbers.doubled += Math.max(0, rows.length - what.rows)
      const text = `the result of ${where} has ${rows.length} of ${what.rows} rows`
      this.#complaints.add('P1 every record once', text)
    }
  }

  #digests(where: string, { told, digest, storedDigest, commissioned }: Outcome): void {
    const { what, key } = commissioned
    if (storedDigest !== digest)
      this.#complaints.add('receipt', `the digest of ${where} is ${storedDigest}, its result's ${digest}`)
    if (what instanceof Members) return
    if (told['resultDigest'] !== `sha-256=:${digest}:`)
      this.#complaints.add('receipt', `${where} tells ${String(told['resultDigest'])}, not ${digest}`)
    const sha256 = createHash('sha256').update(what.bytes()).digest('hex')
    const upload = told['upload'] as { readonly sha256?: string } | null
    if (upload?.sha256 !== sha256)
      this.#complaints.add('receipt', `the upload's digest of ${key} is ${upload?.sha256}, not ${sha256}`)
  }

  #sameAsInPeace(where: string, outcome: Outcome, inPeace: Outcome): void {
    const { organization } = outcome.commissioned
    const text = withoutIds(outcome.result.body.toString(), organization, this.#emails)
    const peace = withoutIds(inPeace.result.body.toString(), organization, this.#cleanEmails)
    if (text !== peace) {
      const [lines, others] = [text.split('\n'), peace.split('\n')]
      const at = lines.findIndex((line, index) => line !== others[index])
      const what = `line ${at + 1} of ${where} is ${lines[at]}, in peace ${others[at]}`
      this.#complaints.add('P9 sent again, one clean run', what)
    }
    const counts = JSON.stringify(outcome.told['counts'])
    if (counts !== JSON.stringify(inPeace.told['counts']))
      this.#complaints.add('P9 sent again, one clean run', `${where} has other counts: ${counts}`)
  }

  /** Whoever was reported imported is there, as he is after a run in peace. */
  #reported(where: string, { commissioned }: Outcome, rows: readonly ResultRow[]): void {
    this.numbers.sent += commissioned.what.rows
    for (const { disposition, id } of rows) {
      if (disposition !== 'imported') continue
      this.numbers.reported += 1
      const email = this.#emails.get(`${commissioned.organization} ${id}`)
      const user = this.#byEmail.get(`${commissioned.organization} ${email}`)
      if (user !== undefined && JSON.stringify(user.values) === this.#inPeace.get(keyOf(user))) {
        this.numbers.found += 1
      } else {
        const what = `${where}: ${id} is ${JSON.stringify(user?.values)}`
        this.#complaints.add('P7 reported is stored', what)
      }
    }
  }

  /** Each row became what it was made to be. */
  #asSent(where: string, { result, commissioned }: Outcome, rows: readonly ResultRow[]): void {
    const { what, strict, again } = commissioned
    if (what instanceof Members) {
      const members = (JSON.parse(result.body.toString()) as { members: { emailAddress: string }[] }).members
      rows.forEach(({ disposition }, row) => {
        const expected = what.after(row) === undefined ? 'invalid' : 'imported'
        const address = what.kind(row) === 'bad-email' ? `no address ${row}` : what.email(row)
        if (disposition !== expected || members[row]?.emailAddress !== address) {
          const told = `${where}: member ${row + 1} (${what.kind(row)}) is ${JSON.stringify(members[row])}`
          this.#complaints.add('P4 disposition and errors', told)
        }
      })
    } else if (!strict) {
      for (const { property, what: told } of checkAnswer(what, result, { complete: true, first: !again })
        .complaints)
        this.#complaints.add(property, `${where}: ${told}`)
    } else {
      const word = isRefused(commissioned) ? 'valid' : 'imported'
      const wrong = rows.find(({ disposition }) => isGood(disposition) && disposition !== word)
      if (wrong !== undefined)
        this.#complaints.add('P4 disposition and errors', `${where} is strict and has ${wrong.disposition}`)
    }
  }

  /** Everybody is stored as he was sent, or as he was before. */
  #stored(where: string, { commissioned }: Outcome): void {
    const { what, organization } = commissioned
    const refused = isRefused(commissioned)
    for (let row = 0; row < what.rows; row += 1) {
      if (what.kind(row) === 'repeat') continue
      const user = this.#byEmail.get(`${organization} ${what.email(row)}`)
      const expected = refused ? what.before(row) : (what.after(row) ?? what.before(row))
      const [is, should] = [comparable(user?.values as Values | undefined), comparable(expected)]
      if (is !== should)
        this.#complaints.add('P8 nothing else changed', `${where}, row key ${row} is ${is}, not ${should}`)
    }
  }

  usersAsInPeace(): void {
    const seen = new Set<string>()
    for (const user of this.#broken.users) {
      const key = keyOf(user)
      if (seen.has(key) || !this.#inPeace.has(key)) this.numbers.doubled += 1
      seen.add(key)
      const values = JSON.stringify(user.values)
      if (values !== this.#inPeace.get(key)) {
        const what = `${key} is ${values}, in peace ${this.#inPeace.get(key) ?? 'nobody'}`
        this.#complaints.add('P9 sent again, one clean run', what)
      }
    }
    for (const user of this.#clean.users) {
      if (!seen.has(keyOf(user)))
        this.#complaints.add('P9 sent again, one clean run', `${keyOf(user)} is missing`)
    }
  }
}

const keyOf = ({ organization, email }: KeptUser): string => `${organization} ${email}`

const emailsById = (users: readonly KeptUser[]): ReadonlyMap<string, string> =>
  new Map(users.map(({ organization, id, email }) => [`${organization} ${id}`, email]))

/** New ids are drawn; whose they are is not. */
function withoutIds(text: string, organization: number, emails: ReadonlyMap<string, string>): string {
  return text.replace(/[\w-]{36,}/g, (id) => {
    const email = emails.get(`${organization} ${id}`)
    return email === undefined ? id : `<${email}>`
  })
}

const isGood = (disposition: string): boolean => ['imported', 'valid'].includes(disposition)

function isRefused({ strict, what }: Outcome['commissioned']): boolean {
  if (!strict || what instanceof Members) return false
  return Array.from({ length: what.rows }, (_, row) => row).some((row) => what.row(row).errors !== undefined)
}

function comparable(values: Values | undefined): string {
  if (values === undefined) return 'nobody'
  const { roles } = values
  return stateOf(Array.isArray(roles) ? { ...values, roles: [...(roles as string[])].sort() } : values)
}

function rowsOf({ commissioned: { what }, result }: Outcome): readonly ResultRow[] {
  const text = result.body.toString()
  if (what instanceof Members) {
    const { members } = JSON.parse(text) as { members: { disposition: string; id: string | null }[] }
    return members.map(({ disposition, id }) => ({ disposition, id: id ?? '' }))
  }
  const { delimiter, lineEnd } = what
  const records: string[][] = parse(text, { delimiter, record_delimiter: lineEnd, skip_empty_lines: false })
  return records.slice(1).map(([disposition = '', , id = '']) => ({ disposition, id }))
}

const LAST_STATES = ['finished', 'aborted', 'failed']

/**
 * Checks that each import that was handed over to workers ended once, by what the database has noted. An upload that
 * was cut never was: its sender sends it again.
 */
export function checkEndings(audit: readonly Noted[], jobs: number): readonly Complaint[] {
  const complaints = new Complaints()
  const ended = new Map<string, number>()
  const handedOver = new Set(audit.filter(({ state }) => state === 'waiting').map(({ job }) => job))
  for (const { what, job, state } of audit) {
    if (!handedOver.has(job)) continue
    if (what === 'chunk' && ended.has(job))
      complaints.add('P8 nothing else changed', `${job} was given a chunk after its end`)
    if (what !== 'state') continue
    if (ended.has(job)) complaints.add('receipt', `${job} became ${state} after its end`)
    if (LAST_STATES.includes(state ?? '')) ended.set(job, (ended.get(job) ?? 0) + 1)
  }
  if (ended.size !== jobs) complaints.add('complete', `${ended.size} of ${jobs} imports have ended`)
  return complaints.all
}
