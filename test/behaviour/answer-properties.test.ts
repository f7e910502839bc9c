import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { recordsOf } from '../support/csv.ts'
import { startService, type Service } from '../support/service.ts'

const piece = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.constantFrom(
    '"',
    '""',
    ',',
    ';',
    '\t',
    '|',
    '\n',
    '\r\n',
    '\r',
    ' ',
    '\u00A0',
    'ä',
    '😀',
    '=1+1',
    "'",
    '\\',
  ),
)
const cell = fc
  .array(piece, { maxLength: 5 })
  .map((pieces) => pieces.join(''))
  .filter((text) => !/\p{Cs}/u.test(text) && !text.includes('\uFEFF') && !text.includes('\0'))

const known = fc.record(
  {
    email: fc.oneof(
      cell,
      fc.integer({ min: 0, max: 30 }).map((number) => `u${number}@example.com`),
    ),
    slug: fc.oneof({ weight: 3, arbitrary: fc.constant('') }, cell, fc.constantFrom('s1', 's2', 'S1')),
    givenName: cell,
    addressLine1: cell,
    birthdate: fc.oneof(fc.constantFrom('', '1990-02-29', '1990', '5/4/1990'), cell),
    roles: fc.constantFrom('', 'organization_member', 'x', 'organization_owner|organization_member'),
  },
  { noNullPrototype: true },
)

const dialects = {
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  lineEnd: fc.constantFrom('\n', '\r\n'),
  bom: fc.boolean(),
  quoteAll: fc.boolean(),
}

interface Dialect {
  readonly delimiter: string
  readonly lineEnd: string
  readonly bom: boolean
  readonly quoteAll: boolean
}

function written(
  records: readonly (readonly string[])[],
  { delimiter, lineEnd, bom, quoteAll }: Dialect,
): string {
  const quoted = (text: string): string =>
    (quoteAll && text !== '') || /[",;|\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  const lines = records.map((record) => record.map(quoted).join(delimiter) + lineEnd)
  return (bom ? '\uFEFF' : '') + lines.join('')
}

describe('an answer, whatever the upload', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  const stored = () => service.knex('users').where({ organization_id: 1 }).select('id', 'email', 'slug')

  async function check(header: readonly string[], rows: readonly (readonly string[])[], dialect: Dialect) {
    const query = 'unknown=echo&dispositions=detailed&return=id'
    const answer = await service.post(written([header, ...rows], dialect), { query })
    expect(answer.status).toBe(200)
    // P5, P6: strict, UTF-8, and no character that stands for a lost one
    new TextDecoder('utf-8', { fatal: true }).decode(answer.bytes)
    if (!rows.flat().join('').includes('\uFFFD')) expect(answer.text).not.toContain('\uFFFD')
    expect(answer.text.startsWith('\uFEFF')).toBe(dialect.bom)
    const [names, ...records] = recordsOf(answer.text, dialect.delimiter)
    expect(names).toEqual(['disposition', 'errors', 'id', ...header])
    // P1, P2, P3: every record once, in order, cells as they were sent where they are not blank
    const cells = records.map((record) => record.slice(3))
    const filled = new Set(['roles'].map((name) => header.indexOf(name)))
    expect(
      cells.map((row, at) => row.map((text, index) => (filled.has(index) && !rows[at]?.[index] ? '' : text))),
    ).toEqual(rows)
    // P4: disposition, errors and id go together
    const users = new Map((await stored()).map((user) => [user.id as string, user]))
    for (const [index, [disposition = '', errors = '', id = '']] of records.entries()) {
      expect(['created', 'updated', 'unchanged', 'invalid', 'skipped']).toContain(disposition)
      expect(errors !== '').toBe(disposition === 'invalid')
      expect(id !== '').toBe(['created', 'updated', 'unchanged'].includes(disposition))
      if (disposition === 'skipped') expect(rows[index]!.join('')).toMatch(/^[\s\u200B-\u200D\u2060]*$/u)
      // P7: what is reported as imported is there
      if (id !== '') expect(users.has(id)).toBe(true)
    }
    // P10: nobody is there whom no row reported
    const created = records.filter(([disposition]) => disposition === 'created').length
    return { created, count: users.size, records }
  }

  it('keeps every cell of unknown columns, once and in order', async () => {
    const tables = fc.record({
      rows: fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 12 }),
      ...dialects,
    })
    await fc.assert(
      fc.asyncProperty(tables, async ({ rows, ...dialect }) => {
        await service.knex('users').delete()
        const { created, count } = await check(['x-1', 'email', 'x-2'], rows, dialect)
        expect(count).toBe(created)
      }),
      { numRuns: 60 },
    )
  })

  it('keeps every cell of known columns, and says of each row what is true', async () => {
    const tables = fc.record({ users: fc.array(known, { minLength: 1, maxLength: 12 }), ...dialects })
    await fc.assert(
      fc.asyncProperty(tables, async ({ users, ...dialect }) => {
        await service.knex('users').delete()
        const header = Object.keys(users[0]!)
        const rows = users.map((user) => Object.values(user))
        const { created, count } = await check(header, rows, dialect)
        expect(count).toBe(created)
      }),
      { numRuns: 80 },
    )
  })

  it('comes to the same state when the file is sent again, and touches no other organization', async () => {
    const token = await service.token({ organization: 'other-org' })
    await service.post('email,name\nu1@example.com,Other\n', { token })
    const others = () => service.knex('users').where({ organization_id: 2 }).select()
    const before = await others()
    // Where rows mean the same user, a row that was refused may find him when it is sent again: that is the contract.
    const tables = fc.record({ users: fc.array(known, { minLength: 1, maxLength: 12 }), ...dialects })
    await fc.assert(
      fc.asyncProperty(tables, async ({ users, ...dialect }) => {
        await service.knex('users').where({ organization_id: 1 }).delete()
        const header = Object.keys(users[0]!)
        const rows = users.map((user, at) =>
          Object.values({ ...user, email: `u${at}@example.com`, slug: `s-${at}` }),
        )
        await check(header, rows, dialect)
        const all = () => service.knex('users').where({ organization_id: 1 }).orderBy('id').select()
        const once = await all()
        const again = await check(header, rows, dialect)
        expect(again.created).toBe(0)
        expect((await all()).map(({ updated_at: _, ...user }) => user)).toEqual(
          once.map(({ updated_at: _, ...user }) => user),
        )
        await expect(others()).resolves.toEqual(before)
      }),
      { numRuns: 30 },
    )
  })
})
