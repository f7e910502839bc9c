import { describe, expect, it } from '@jest/globals'
import { stateOf, type StoredUser } from '../stored-user.ts'
import { Upload } from '../upload.ts'
import { checkAnswer, type Answer, type AnswerTerms } from './answer.ts'
import type { Complaint, Property } from './complaint.ts'
import { checkBeginning, checkCleanRun, checkKept, checkResultIsStored } from './import.ts'
import { checkReceipt, checkReplay, checkTrailers } from './receipt.ts'
import { lineTellsTooMuch, tellsTooMuch } from './secrets.ts'
import { readTable, type Found } from './table.ts'

// A seed that gives every kind of row, `,` and LF.
const upload = new Upload({ seed: seedOf(), tag: 't', rows: 120 })

function seedOf(): number {
  for (let seed = 1; ; seed += 1) {
    const some = new Upload({ seed, tag: 't', rows: 120 })
    const kinds = new Set(Array.from({ length: some.rows }, (_, row) => some.kind(row)))
    if (kinds.size === 8 && some.delimiter === ',' && some.lineEnd === '\n') return seed
  }
}

const rowOf = (kind: string): number =>
  Array.from({ length: upload.rows }, (_, row) => row).find((row) => upload.kind(row) === kind) ?? -1

/** The records that a service without a fault answers. */
function goodRecords(): string[][] {
  const records = [['disposition', 'errors', ...header()]]
  for (let row = 0; row < upload.rows; row += 1) {
    const { kind, cells, errors } = upload.row(row)
    const disposition = kind === 'blank' ? 'skipped' : errors === undefined ? 'imported' : 'invalid'
    const filled = [...cells]
    if (disposition === 'imported') filled[0] = idOf(row)
    if (kind === 'new') filled[7] ||= 'TRUE'
    if (kind === 'new') filled[8] ||= 'Provisioned'
    records.push([disposition, errors ?? '', ...filled])
  }
  return records
}

const header = (): string[] => upload.bytes().toString().split('\n')[0]!.split(',')

function idOf(row: number): string {
  const seeded = [...upload.seeded()].find(
    ({ organization, values }) => organization === 1 && values['email'] === upload.email(row),
  )
  return seeded?.id ?? `new-${row}`.padEnd(36, '0')
}

const written = (records: readonly (readonly string[])[]): string =>
  records.map((cells) => `${cells.map(cellOf).join(',')}\n`).join('')

const cellOf = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

const answered = (body: string | Buffer, more: Partial<Answer> = {}): Answer => ({
  status: 200,
  headers: {},
  trailers: {},
  body: Buffer.from(body),
  ending: 'complete',
  ...more,
})

/** The rules of which a doctored answer is said to break some. */
function broken(doctor: (records: string[][]) => string[][], terms: AnswerTerms = {}): Property[] {
  const { complaints } = checkAnswer(upload, answered(written(doctor(goodRecords()))), terms)
  return rulesOf(complaints)
}

const rulesOf = (complaints: readonly Complaint[]): Property[] => [
  ...new Set(complaints.map(({ property }) => property)),
]

const changed = (row: number, column: number, value: string) => (records: string[][]) =>
  records.map((cells, index) => (index === row + 1 ? cells.with(column, value) : cells))

describe('what the oracle says of an answer', () => {
  it('is nothing where it is good', () => {
    expect(broken((records) => records, { complete: true })).toEqual([])
    const { counts, answered: count } = checkAnswer(upload, answered(written(goodRecords())))
    expect(counts.imported + counts.invalid + counts.skipped).toBe(upload.rows)
    expect(count).toBe(upload.rows)
  })

  it('is nothing where it is the beginning of a good one, cut at any byte', () => {
    const body = Buffer.from(written(goodRecords()))
    for (let cut = 0; cut < body.length; cut += 7) {
      const { complaints } = checkAnswer(upload, answered(body.subarray(0, cut), { ending: 'broken' }))
      expect(complaints).toEqual([])
    }
  })

  it('is that it should be complete, where it should', () => {
    const cut = answered(written(goodRecords()).slice(0, 500), { ending: 'broken' })
    expect(rulesOf(checkAnswer(upload, cut, { complete: true }).complaints)).toEqual(['complete'])
    const refused = answered('{}', { status: 503, headers: { 'retry-after': '5' } })
    expect(checkAnswer(upload, refused).complaints).toEqual([])
    expect(rulesOf(checkAnswer(upload, refused, { complete: true }).complaints)).toEqual(['complete'])
    expect(checkAnswer(upload, refused, { complete: true, refusedBy: [503] }).complaints).toEqual([])
    expect(rulesOf(checkAnswer(upload, cut, { complete: true, refusedBy: [503] }).complaints)).toEqual([
      'complete',
    ])
    const failed = answered('{}', { status: 500 })
    expect(checkAnswer(upload, failed).complaints).toEqual([])
    expect(rulesOf(checkAnswer(upload, failed, { complete: true, refusedBy: [503] }).complaints)).toEqual([
      'complete',
    ])
    expect(rulesOf(checkAnswer(upload, answered('', { status: 418 })).complaints)).toEqual(['complete'])
    expect(rulesOf(checkAnswer(upload, answered('', { status: 503 })).complaints)).toEqual(['complete'])
  })

  it('is P1 where a record is missing at its end, or is too much', () => {
    expect(broken((records) => records.slice(0, -1))).toEqual(['P1 every record once'])
    expect(broken((records) => [...records, records.at(-1)!])).toEqual(['P1 every record once'])
  })

  it('is P1 and P2 where one is missing in the middle', () => {
    const row = rowOf('new')
    const rules = broken((records) => records.filter((_, index) => index !== row + 1))
    expect(rules).toEqual(expect.arrayContaining(['P1 every record once', 'P2 in order']))
  })

  it('is P2 where two have changed places', () => {
    const second =
      1 + Array.from({ length: 100 }, (_, row) => row + 1).find((row) => upload.kind(row) === 'new')!
    const rules = broken((records) => records.with(1, records[second]!).with(second, records[1]!))
    expect(rules).toContain('P2 in order')
  })

  it('is P3 where a cell is another, or is filled that should not be, or is not that should', () => {
    expect(broken(changed(rowOf('new'), 5, 'Somebody'))).toEqual(['P3 sent cells equal'])
    expect(broken(changed(rowOf('update'), 9, 'TRUE'))).toEqual(['P3 sent cells equal'])
    expect(broken(changed(rowOf('bad-email'), 2, 'an-id'))).toEqual(['P3 sent cells equal'])
    expect(broken(changed(rowOf('new'), 2, ''))).toEqual(['P3 sent cells equal'])
  })

  it.each([
    ['new', 0, 'invalid'],
    ['new', 1, 'Validation error: something'],
    ['bad-email', 0, 'imported'],
    ['bad-email', 1, ''],
    ['bad-email', 1, 'Validation error: email must be a valid email, but has another'],
    ['repeat', 1, 'Validation error: slug must be unique in the file, but row 1 has it'],
    ['blank', 0, 'imported'],
    ['new', 0, 'unchanged'],
  ])('is P4 where a row of kind %s has %i: %s', (kind, column, value) => {
    expect(broken(changed(rowOf(kind), column, value))).toContain('P4 disposition and errors')
  })

  it('is P4 where detailed dispositions are wrong, as after a second verdict', () => {
    const detailed = (records: string[][]): string[][] =>
      records.map((cells, index) => {
        const said = { new: 'created', update: 'updated', 'by-id': 'updated', same: 'unchanged' }
        const kind = index === 0 ? '' : upload.kind(index - 1)
        return cells[0] === 'imported' ? cells.with(0, said[kind as keyof typeof said]) : cells
      })
    expect(broken(detailed, { detailed: true })).toEqual([])
    const again = (records: string[][]) => changed(rowOf('new'), 0, 'unchanged')(detailed(records))
    expect(broken(again, { detailed: true })).toEqual(['P4 disposition and errors'])
    expect(broken(again, { detailed: true, first: false })).toEqual([])
  })

  it('is P4 where more good rows were refused than may be', () => {
    const one = (records: string[][]): string[][] => {
      const [row, refused] = [rowOf('new'), 'Validation error: the database refuses this row']
      return records.with(row + 1, ['invalid', refused, ...upload.row(row).cells])
    }
    expect(broken(one)).toEqual(['P4 disposition and errors'])
    expect(broken(one, { refusals: 1 })).toEqual([])
  })

  it('is P5 where it is no strict CSV, or no UTF-8', () => {
    const good = written(goodRecords())
    const of = (body: string | Buffer): Property[] => rulesOf(checkAnswer(upload, answered(body)).complaints)
    expect(of(`${good}"open`)).toContain('P5 strict CSV')
    expect(of(`${good}imported,few\n`)).toContain('P5 strict CSV')
    expect(of(good.replace('\n', '\r\n'))).not.toEqual([])
    expect(of(Buffer.concat([Buffer.from(good), Buffer.from([0xff, 10])]))).toContain('P5 strict CSV')
  })

  it('is P6 where there is U+FFFD', () => {
    expect(broken(changed(rowOf('new'), 5, '\u{fffd}'))).toContain('P6 no U+FFFD')
  })

  it('is P13 where it tells what is nobody’s business', () => {
    const rules = broken(
      changed(rowOf('bad-type'), 1, `${upload.row(rowOf('bad-type')).errors} insert into users `),
    )
    expect(rules).toEqual(['P13 no secret'])
    const refused = answered('{"detail":"at /src/db/query.ts"}', { status: 500 })
    expect(rulesOf(checkAnswer(upload, refused).complaints)).toEqual(['P13 no secret'])
    const long = answered('x'.repeat(2_001), { status: 500 })
    expect(rulesOf(checkAnswer(upload, long).complaints)).toEqual(['P13 no secret'])
  })
})

/** The table as it is after the first rows of the upload were imported. */
function tableAfter(rows: number): StoredUser[] {
  const users: StoredUser[] = []
  const add = (organization: number, id: string, values: NonNullable<ReturnType<Upload['after']>>): void => {
    users.push({
      organization,
      id,
      state: stateOf(values),
      email: values['email'] as string,
      slug: values['slug'] as string | null,
    })
  }
  for (const { organization, id, values } of upload.bystanders()) add(organization, id, values)
  for (let row = 0; row < upload.rows; row += 1) {
    const values = row < rows ? upload.after(row) : upload.before(row)
    if (values !== undefined) add(1, idOf(row), values)
  }
  return users
}

async function* onePage(users: readonly StoredUser[]): AsyncGenerator<readonly StoredUser[]> {
  yield await Promise.resolve(users)
}

const foundIn = (users: readonly StoredUser[]): Promise<Found> => readTable(onePage(users), upload)
const rulesIn = async (users: readonly StoredUser[]): Promise<Property[]> =>
  rulesOf((await foundIn(users)).complaints)

describe('what the oracle says of the table', () => {
  const all = tableAfter(upload.rows)
  const of = (row: number): StoredUser =>
    all.find(({ id, organization }) => organization === 1 && id === idOf(row))!
  const without = (user: StoredUser): StoredUser[] => all.filter((one) => one !== user)
  const asNew = { given_name: 'Nobody', email: 'a@example.com' }

  it('is nothing before, in between and after', async () => {
    for (const rows of [0, 50, upload.rows]) expect(await rulesIn(tableAfter(rows))).toEqual([])
  })

  it('is P8 where a bystander or a namesake in another organization has changed or is gone', async () => {
    for (const organization of [1, 2]) {
      const bystander = all.find((one) => one.organization === organization)!
      expect(await rulesIn(without(bystander))).toEqual(['P8 nothing else changed'])
      const other = { ...bystander, state: stateOf(asNew) }
      expect(await rulesIn([...without(bystander), other])).toEqual(['P8 nothing else changed'])
    }
  })

  it('is P8 where there is somebody who was never sent, or with values that were not', async () => {
    const stranger = { organization: 1, id: 's', state: stateOf(asNew), email: 'a@example.com', slug: null }
    expect(await rulesIn([...all, stranger])).toEqual(['P8 nothing else changed'])
    const elsewhere = { ...of(rowOf('new')), organization: 2, id: 'other' }
    expect(await rulesIn([...all, elsewhere])).toEqual(['P8 nothing else changed'])
    const user = of(rowOf('update'))
    expect(await rulesIn([...without(user), { ...user, state: stateOf(asNew) }])).toEqual([
      'P8 nothing else changed',
    ])
    expect(await rulesIn([...without(user), { ...user, id: 'another' }])).toEqual(['P8 nothing else changed'])
    expect(await rulesIn(without(user))).toEqual(['P8 nothing else changed'])
  })

  it('is that somebody is doubled', async () => {
    const found = await foundIn([...all, { ...of(rowOf('new')), id: 'twin' }])
    expect([found.doubled, rulesOf(found.complaints)]).toEqual([1, ['P8 nothing else changed']])
  })

  it('is P10 where an invalid row is stored', async () => {
    const row = rowOf('bad-type')
    const user = { organization: 1, id: 'x', state: stateOf({}), email: upload.email(row), slug: null }
    expect(await rulesIn([...all, user])).toEqual(['P10 nothing invalid is stored'])
  })

  it('is P7 where a row that was reported is not there, is not as sent, or has another id', async () => {
    const reported = checkAnswer(upload, answered(written(goodRecords())))
    const kept = async (users: readonly StoredUser[]) => checkKept([reported], await foundIn(users))
    const good = await kept(all)
    expect(good).toMatchObject({ complaints: [], found: good.reported })
    const user = of(rowOf('new'))
    for (const users of [
      without(user),
      [...without(user), { ...user, id: 'another' }],
      tableAfter(upload.rows - 40),
      [
        ...without(of(rowOf('update'))),
        { ...of(rowOf('update')), state: stateOf(upload.before(rowOf('update'))!) },
      ],
    ]) {
      const bad = await kept(users)
      expect(rulesOf(bad.complaints)).toEqual(['P7 reported is stored'])
      expect(bad.found).toBeLessThan(bad.reported)
    }
  })

  it('is P9 where a file that was sent again has left something out', async () => {
    expect(checkCleanRun(upload, await foundIn(all))).toEqual([])
    expect(rulesOf(checkCleanRun(upload, await foundIn(tableAfter(100))))).toEqual([
      'P9 sent again, one clean run',
    ])
  })

  it('is that rows were left out in between, or stored that were not sent whole', async () => {
    const nobody = { refused: new Set<number>() }
    expect(checkBeginning(upload, await foundIn(tableAfter(60)), nobody)).toEqual([])
    const gap = await foundIn(without(of(rowOf('new'))))
    expect(rulesOf(checkBeginning(upload, gap, nobody))).toEqual(['P8 nothing else changed'])
    expect(checkBeginning(upload, gap, { refused: new Set([rowOf('new')]) })).toEqual([])
    const cut = checkBeginning(upload, await foundIn(tableAfter(60)), { ...nobody, sent: 50 })
    expect(rulesOf(cut)).toEqual(['P10 nothing invalid is stored'])
  })

  it('is that the result says more or less than what is stored', async () => {
    const reported = checkAnswer(upload, answered(written(goodRecords().slice(0, 61)), { ending: 'broken' }))
    expect(checkResultIsStored(upload, reported, await foundIn(tableAfter(60)))).toEqual([])
    for (const rows of [50, 70])
      expect(rulesOf(checkResultIsStored(upload, reported, await foundIn(tableAfter(rows))))).toEqual([
        'receipt',
      ])
  })

  it('takes each user as either of two imports has him, and no mixture', async () => {
    const [one, other] = ['A', 'B'].map((variant) => new Upload({ ...upload.options, plain: true, variant }))
    const row = rowOf('new')
    const base = { organization: 1, id: 'x', email: upload.email(row), slug: null }
    const states = [stateOf(one!.after(row)!), stateOf(other!.after(row)!)]
    const mixed = stateOf({ ...one!.after(row)!, family_name: other!.after(row)!['family_name']! })
    const said = async (state: string) => {
      const { complaints } = await readTable(onePage([{ ...base, state }]), one!, other!)
      return complaints.some(({ what }) => what.includes(`row key ${row} `) && what.includes(' is ['))
    }
    expect([await said(states[0]!), await said(states[1]!), await said(mixed)]).toEqual([false, false, true])
  })
})

describe('what the oracle says of a receipt', () => {
  const result = answered(written(goodRecords()))
  const reported = checkAnswer(upload, result)
  const numbers = { rows: upload.rows, ...reported.counts }
  const receipt = { id: 'i', state: 'finished', numbers }
  const good = { answer: result, receipt, result, reported }
  const part = answered(result.body.subarray(0, 300), { ending: 'broken' })

  it('is nothing where it is good', () => {
    expect(checkReceipt(good)).toEqual([])
    expect(checkReceipt({ ...good, answer: part })).toEqual([])
    const aborted = { ...receipt, state: 'aborted' }
    const marked = { ...result, headers: { 'import-state': 'aborted' } }
    expect(checkReceipt({ ...good, answer: part, receipt: aborted, result: marked })).toEqual([])
  })

  it.each([
    ['it is missing', { receipt: undefined }],
    ['it still runs', { receipt: { ...receipt, state: 'running' } }],
    ['a complete answer was aborted', { receipt: { ...receipt, state: 'aborted' } }],
    ['its counts are others', { receipt: { ...receipt, numbers: { ...numbers, imported: 1 } } }],
    ['it has no counts', { receipt: { ...receipt, numbers: {} } }],
    ['its result is cut', { result: { ...result, ending: 'broken' as const } }],
    ['its result is shorter', { result: answered(result.body.subarray(0, -1)) }],
    ['its result is longer', { result: answered(Buffer.concat([result.body, Buffer.from('x')])) }],
    ['its result is another', { answer: answered(result.body.toString().replace('imported', 'invalid_')) }],
    [
      'its result has less than the client got',
      { answer: part, result: answered(part.body.subarray(0, 200)) },
    ],
  ])('is that %s', (_, wrong) => {
    expect(rulesOf(checkReceipt({ ...good, ...wrong }))).toEqual(['receipt'])
  })

  it('is that an aborted one does not say so in the headers of its result', () => {
    const aborted = { ...receipt, state: 'aborted' }
    expect(rulesOf(checkReceipt({ ...good, answer: part, receipt: aborted }))).toEqual(['receipt'])
  })

  it('is that a replay is not the same', () => {
    expect(checkReplay(result, result)).toEqual([])
    expect(rulesOf(checkReplay(result, part))).toEqual(['idempotency'])
    expect(rulesOf(checkReplay(result, answered(`${result.body.toString()} `)))).toEqual(['idempotency'])
  })

  it('is that the trailers are wrong', () => {
    const summary = `rows=${upload.rows}, imported=${numbers.imported}, invalid=${numbers.invalid}, skipped=${numbers.skipped}`
    expect(checkTrailers({ ...result, trailers: { 'import-summary': summary } }, reported)).toEqual([])
    for (const trailers of [{ 'import-summary': 'rows=1' }, { 'repr-digest': 'sha-256=:x:' }])
      expect(rulesOf(checkTrailers({ ...result, trailers }, reported))).toEqual(['receipt'])
  })
})

describe('what the oracle says of a text', () => {
  it.each([
    ['a stack trace', 'Error\n    at a (/x.ts:1:2)\n    at b (/y.ts:3:4)'],
    ['SQL', 'select 1 as a from users'],
    ['SQL', 'insert into users values'],
    ['a connection URL', 'postgresql://somebody@host/db'],
    ['a file of the service', 'node_modules/pg'],
  ])('is that it tells %s', (what, text) => {
    expect(tellsTooMuch(text)).toBe(what)
  })

  it('is nothing of a sentence for people, and of one place in a log', () => {
    expect(tellsTooMuch('Validation error: email must be a valid email, but has x')).toBeUndefined()
    expect(lineTellsTooMuch('{"err":{"at":"src/db/query.ts:30"}}', ['secret'])).toBeUndefined()
  })

  it('is that a line of the log has a secret, or what was uploaded', () => {
    expect(lineTellsTooMuch('{"url":"a:secret@b"}', ['secret'])).toBe('a secret')
    expect(lineTellsTooMuch('{"detail":"t-u1@faults.example"}', [])).toBe('what was uploaded')
    expect(lineTellsTooMuch('{"stack":"Error\\n    at a:1:2\\n    at b:3:4"}', [])).toBe('a stack trace')
  })
})
