import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import type { Noted } from '../background/audit.ts'
import { gapsOf } from '../background/gaps.ts'
import type { Got } from '../background/letters.ts'
import { Members } from '../background/members.ts'
import type { KeptUser, Outcome } from '../background/outcome.ts'
import { asReceipt } from '../receipts.ts'
import { checkEndings, checkJobs, type Ended } from './jobs.ts'
import { checkMail } from './mail.ts'

const members = new Members({ seed: 7, tag: 't', rows: 200, organization: 1 })
const rows = Array.from({ length: members.rows }, (_, row) => row)
const idOf = (row: number, run: string): string => `${run}-${row}`.padEnd(36, '_')

/** What a service without a fault comes to; every run draws ids of its own. */
function goodRun(run: string): { outcome: Outcome; users: KeptUser[] } {
  const result = rows.map((row) => {
    const isGood = members.after(row) !== undefined
    const emailAddress = members.kind(row) === 'bad-email' ? `no address ${row}` : members.email(row)
    return { disposition: isGood ? 'imported' : 'invalid', id: isGood ? idOf(row, run) : null, emailAddress }
  })
  const users = rows.flatMap((row) => {
    const values = members.after(row)
    if (values === undefined) return []
    return [{ organization: 1, id: idOf(row, run), email: members.email(row), values: { ...values } }]
  })
  return { outcome: outcomeOf(result), users }
}

interface Line {
  readonly disposition: string
  readonly id: string | null
  readonly emailAddress: string
}

function outcomeOf(lines: readonly Line[], more: Partial<Outcome> = {}): Outcome {
  const body = Buffer.from(`{"members":[${lines.map((line) => `\n${JSON.stringify(line)}`).join()}]}`)
  const count = (name: string): number => lines.filter(({ disposition }) => disposition === name).length
  const told = {
    state: 'finished',
    counts: {
      members: lines.length,
      imported: count('imported'),
      invalid: count('invalid'),
      skipped: 0,
    },
  }
  const digest = createHash('sha256').update(body).digest('base64')
  return {
    commissioned: {
      key: 'job-1',
      organization: 1,
      strict: false,
      again: false,
      what: members,
      caller: { organization: 1, bearer: '', basic: '' },
      location: '/v1/organizations/1/members/import/job-1',
    },
    receipt: asReceipt(told),
    told,
    result: { status: 200, headers: {}, trailers: {}, body, ending: 'complete' },
    digest,
    storedDigest: digest,
    ...more,
  }
}

const linesOf = ({ result }: Outcome): Line[] =>
  (JSON.parse(result.body.toString()) as { members: Line[] }).members

const clean = goodRun('clean')
const peace: Ended = { outcomes: [clean.outcome], users: clean.users }

/** What is complained of when a run differs in this from a good one. */
function properties(change: (run: ReturnType<typeof goodRun>) => Partial<ReturnType<typeof goodRun>>) {
  const run = goodRun('broken')
  const { outcome, users } = { ...run, ...change(run) }
  const { complaints } = checkJobs({ outcomes: [outcome], users }, peace)
  return [...new Set(complaints.map(({ property }) => property))]
}

describe('the oracle of imports in the background', () => {
  it('finds a run in which nothing went wrong to be as one in peace, but for the ids', () => {
    const run = goodRun('broken')
    const checked = checkJobs({ outcomes: [run.outcome], users: run.users }, peace)
    const imported = rows.filter((row) => members.after(row) !== undefined).length
    expect(checked).toEqual({ complaints: [], sent: 200, reported: imported, found: imported, doubled: 0 })
  })

  it('finds a user who was reported and is not there', () => {
    const gone = ({ users }: ReturnType<typeof goodRun>) => ({ users: users.slice(1) })
    expect(properties(gone)).toContain('P7 reported is stored')
    const run = goodRun('broken')
    const checked = checkJobs({ outcomes: [run.outcome], users: run.users.slice(1) }, peace)
    expect(checked.reported - checked.found).toBe(1)
  })

  it('finds a user who is not as he was sent', () => {
    const changed = ({ users }: ReturnType<typeof goodRun>) => ({
      users: users.map((user, index) =>
        index === 3 ? { ...user, values: { ...user.values, name: 'Somebody' } } : user,
      ),
    })
    expect(properties(changed)).toEqual(
      expect.arrayContaining(['P7 reported is stored', 'P8 nothing else changed']),
    )
  })

  it('finds a user whom nobody sent', () => {
    const run = goodRun('broken')
    const more = { ...run.users[0]!, id: 'x'.repeat(36), email: 'other@faults.example' }
    const checked = checkJobs({ outcomes: [run.outcome], users: [...run.users, more] }, peace)
    expect(checked.doubled).toBe(1)
    expect(checked.complaints.map(({ property }) => property)).toEqual(['P9 sent again, one clean run'])
  })

  it('finds a row that is told twice, and one that is not told', () => {
    const twice = ({ outcome }: ReturnType<typeof goodRun>) => {
      const lines = linesOf(outcome)
      return { outcome: outcomeOf([...lines, lines[5]!]) }
    }
    expect(properties(twice)).toContain('P1 every record once')
    const once = ({ outcome }: ReturnType<typeof goodRun>) => ({
      outcome: outcomeOf(linesOf(outcome).slice(1)),
    })
    expect(properties(once)).toContain('P1 every record once')
  })

  it('finds a repeated member that was imported', () => {
    const repeat = rows.find((row) => members.kind(row) === 'repeat')!
    const taken = ({ outcome }: ReturnType<typeof goodRun>) => ({
      outcome: outcomeOf(
        linesOf(outcome).map((line, row) =>
          row === repeat ? { ...line, disposition: 'imported', id: idOf(0, 'broken') } : line,
        ),
      ),
    })
    expect(properties(taken)).toEqual(
      expect.arrayContaining(['P4 disposition and errors', 'P9 sent again, one clean run']),
    )
  })

  it('finds counts and digests that are not those of the result, and an import that failed', () => {
    const counts = { members: 200, imported: 1, invalid: 199, skipped: 0 }
    expect(
      properties(({ outcome }) => ({ outcome: { ...outcome, told: { ...outcome.told, counts } } })),
    ).toContain('receipt')
    expect(properties(({ outcome }) => ({ outcome: { ...outcome, storedDigest: 'other' } }))).toEqual([
      'receipt',
    ])
    const failed = asReceipt({ state: 'failed' })
    expect(properties(({ outcome }) => ({ outcome: { ...outcome, receipt: failed } }))).toEqual(['complete'])
  })
})

const noted = (at: number, who: string, state: string, more: Partial<Noted> = {}): Noted => ({
  ...{ at, who, state, what: 'state', job: '1 a', fence: 1, attempts: null },
  ...more,
})

describe('the oracle of ends', () => {
  const once = [noted(1, 'web', 'waiting'), noted(2, 'one', 'running'), noted(3, 'one', 'finished')]

  it('is content with one end', () => {
    expect(checkEndings(once, 1)).toEqual([])
  })

  it('finds a second end, what is written after the end, and an import that does not end', () => {
    expect(checkEndings([...once, noted(4, 'two', 'failed')], 1)).toHaveLength(1)
    expect(checkEndings([...once, noted(4, 'two', '', { what: 'chunk' })], 1)).toHaveLength(1)
    expect(checkEndings(once.slice(0, 2), 1)).toHaveLength(1)
  })
})

describe('the time until an import goes on', () => {
  const history = [
    noted(10, 'one', 'running'),
    noted(25, 'two', 'waiting'),
    noted(31, 'two', 'running'),
    noted(40, 'two', 'finished'),
  ]

  it('runs from the blow to its worker until another has it', () => {
    expect(gapsOf(history, [{ at: 20, who: 'one' }])).toEqual({ wentOn: 1, longest: 11, median: 11 })
  })

  it('is nothing where another worker was struck, or none of its imports ran', () => {
    const blows = [
      { at: 20, who: 'two' },
      { at: 35, who: 'one' },
      { at: 35, who: 'two' },
      { at: 5, who: 'one' },
    ]
    expect(gapsOf(history, blows)).toEqual({ wentOn: 0, longest: 0, median: 0 })
  })
})

const letter = (at: number, more: Partial<Got> = {}): Got => ({
  ...{ at, about: '/a', messageId: '<1@letters.example>', to: ['ada@letters.example'] },
  ...more,
})

describe('the oracle of letters', () => {
  const awaited = [{ paths: ['/a', '/1'], recipient: 'ada@letters.example' }]
  const check = (got: readonly Got[], broken: readonly (readonly [number, number])[] = []) => {
    const { complaints, ...numbers } = checkMail(awaited, got, broken)
    return { ...numbers, complaints: complaints.length }
  }

  it('is content with one letter', () => {
    expect(check([letter(1)])).toEqual({ sent: 1, lost: 0, doubled: 0, complaints: 0 })
  })

  it('knows an import by either of its ids', () => {
    expect(check([letter(1, { about: '/1' })])).toEqual({ sent: 1, lost: 0, doubled: 0, complaints: 0 })
    expect(check([letter(1), letter(2, { about: '/1' })])).toMatchObject({ doubled: 1, complaints: 1 })
  })

  it('finds a lost one', () => {
    expect(check([])).toEqual({ sent: 0, lost: 1, doubled: 0, complaints: 1 })
  })

  it('counts a double, and complains of it unless something broke in between', () => {
    const twice = [letter(1), letter(9)]
    expect(check(twice)).toEqual({ sent: 1, lost: 0, doubled: 1, complaints: 1 })
    expect(check(twice, [[5, 6]])).toEqual({ sent: 1, lost: 0, doubled: 1, complaints: 0 })
    expect(check(twice, [[10, 11]])).toMatchObject({ complaints: 1 })
  })

  it('complains of a double with a Message-ID of its own, of a wrong addressee, and of a letter about nothing', () => {
    expect(check([letter(1), letter(9, { messageId: '<2@letters.example>' })], [[5, 6]])).toMatchObject({
      complaints: 1,
    })
    expect(check([letter(1, { to: ['eve@letters.example'] })])).toMatchObject({ complaints: 1 })
    expect(check([letter(1), letter(2, { about: '/b', messageId: '<2@letters.example>' })])).toMatchObject({
      complaints: 1,
    })
  })
})
