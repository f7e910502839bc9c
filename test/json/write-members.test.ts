import { describe, expect, it } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { csvText, keptAsCsv } from '../../src/csv/keep-answer.ts'
import { createAnswerReader } from '../../src/csv/read-answer.ts'
import { memberForm } from '../../src/import/member-rows.ts'
import { runImport } from '../../src/import/run-import.ts'
import { createMembersWriter } from '../../src/json/write-members.ts'
import { answeredRows, type Chunk } from '../../src/receipts/chunk.ts'
import type { Member } from '../../src/users/members.ts'
import { buildUser, idOf, inOneBlock, owner } from '../import/builders.ts'
import { memberParts, rowsOfMembers } from '../import/member-cases.ts'
import { MemoryReceipts } from '../receipts/memory-receipts.ts'
import { newImport, writerOf } from '../support/receipt-store.ts'

/** What an import of members left: its chunks, as a result is made of them. */
async function imported(members: readonly Member[], batch = 500): Promise<readonly Chunk[]> {
  const receipts = new MemoryReceipts()
  const stored = buildUser({ id: idOf('bob'), email: 'bob@x.org', givenName: 'Bob' })
  receipts.directory.usersOf(1).set(stored.id, stored)
  const receipt = await writerOf(receipts, newImport(1, { form: memberForm }))
  const rows = rowsOfMembers(members)
  const chunks: Chunk[] = []
  const failures: unknown[] = []
  await runImport(
    {
      ...memberParts(owner, batch),
      ...keptAsCsv(memberForm),
      mode: 'each',
      receipt,
      upload: {
        rows: inOneBlock(rows),
        again: () => inOneBlock(rows),
        received: () => Promise.resolve({ bytes: 1, sha256: '' }),
      },
    },
    {
      stored: (chunk) => chunks.push(chunk),
      finished: () => undefined,
      failed: (error) => failures.push(error),
    },
  )
  expect(failures).toEqual([])
  return chunks
}

/** The result as JSON, as text. */
function jsonText(chunks: readonly Chunk[]): string {
  const writer = createMembersWriter(memberForm.options, 'imported')
  const reader = createAnswerReader(memberForm, memberForm.options)
  const pieces = chunks.map((chunk) => writer.rows(answeredRows(chunk, reader)))
  return writer.head + pieces.join('') + writer.tail
}

const membersOf = (chunks: readonly Chunk[]): Record<string, unknown>[] =>
  (JSON.parse(jsonText(chunks)) as { members: Record<string, unknown>[] }).members

/** The result as CSV, as text. */
function csvOf(chunks: readonly Chunk[]): string {
  const { head, text } = csvText(memberForm, false)
  return head + chunks.map((chunk) => text(chunk).toString()).join('')
}

const id = expect.stringMatching(/^[\w-]{36}$/) as unknown

describe('the result of an import of members', () => {
  const members: readonly Member[] = [
    { emailAddress: 'anna@x.org', givenName: 'Anna', makeAdmin: false, isMfaDisabled: true },
    { emailAddress: 'x', displayName: '', makeAdmin: null },
    { emailAddress: ' BOB@x.org', familyName: ' Belle', recoveryEmail: 'r@x.org', makeAdmin: true },
    { emailAddress: 'anna@x.org' },
  ]

  it('is a list in JSON: null where nothing was said, flags as flags, and what became of each', async () => {
    const absent = {
      givenName: null,
      familyName: null,
      displayName: null,
      recoveryEmail: null,
      makeAdmin: null,
      isMfaDisabled: null,
    }
    const [created] = membersOf(await imported([{ emailAddress: 'anna@x.org' }]))
    expect(created).toEqual({
      member: 1,
      disposition: 'imported',
      id,
      faults: [],
      ...absent,
      emailAddress: 'anna@x.org',
    })
    expect(membersOf(await imported(members, 3))).toEqual([
      {
        member: 1,
        disposition: 'imported',
        id,
        faults: [],
        ...absent,
        emailAddress: 'anna@x.org',
        givenName: 'Anna',
        makeAdmin: false,
        isMfaDisabled: true,
      },
      {
        member: 2,
        disposition: 'invalid',
        id: null,
        faults: [
          {
            column: 'emailAddress',
            code: 'emailAddress.invalid',
            message: 'emailAddress must be a valid email, but has x',
            value: 'x',
          },
        ],
        ...absent,
        emailAddress: 'x',
      },
      {
        member: 3,
        disposition: 'imported',
        id: idOf('bob'),
        faults: [],
        ...absent,
        emailAddress: ' BOB@x.org',
        familyName: ' Belle',
        recoveryEmail: 'r@x.org',
        makeAdmin: true,
      },
      {
        member: 4,
        disposition: 'invalid',
        id: null,
        faults: [
          {
            column: 'emailAddress',
            code: 'emailAddress.repeated',
            message: 'emailAddress must be unique among the members, but member 1 has anna@x.org',
            value: 'anna@x.org',
          },
        ],
        ...absent,
        emailAddress: 'anna@x.org',
      },
    ])
  })

  it('has the properties in the order of the contract, and a member a line', async () => {
    const text = jsonText(await imported(members, 3))
    expect(text.split('\n')).toHaveLength(1 + members.length + 2)
    expect(Object.keys(membersOf(await imported(members))[0]!)).toEqual([
      ...['member', 'disposition', 'id', 'faults', 'emailAddress', 'givenName', 'familyName', 'displayName'],
      ...['recoveryEmail', 'makeAdmin', 'isMfaDisabled'],
    ])
  })

  it('is an empty list where there are no members', async () => {
    expect(JSON.parse(jsonText(await imported([])))).toEqual({ members: [] })
  })

  it('is CSV, too', async () => {
    const [anna, bob] = membersOf(await imported(members.slice(0, 3)))
    expect(anna?.['id']).not.toBe(bob?.['id'])
    expect(csvOf(await imported(members)).replace(/\b[\w-]{36}\b/, '<id>')).toBe(
      'disposition,errors,id,emailAddress,givenName,familyName,displayName,recoveryEmail,makeAdmin,isMfaDisabled\n' +
        'imported,,<id>,anna@x.org,Anna,,,,false,true\n' +
        'invalid,"Validation error: emailAddress must be a valid email, but has x",,x,,,,,,\n' +
        `imported,,${idOf('bob')}, BOB@x.org,, Belle,,r@x.org,true,\n` +
        'invalid,"Validation error: emailAddress must be unique among the members, but member 1 has anna@x.org"' +
        ',,anna@x.org,,,,,,\n',
    )
  })

  it('gives back what was sent whatever it is, both ways alike', async () => {
    const pieces = fc.constantFrom(
      ...[
        'a',
        'é',
        '😀',
        ' ',
        ',',
        '"',
        '\n',
        '\r',
        '\r\n',
        '\u0000',
        '\uFFFD',
        '\\',
        "'=",
        '\u2028',
        'x@y.org',
      ],
    )
    const text = fc.oneof(
      fc.array(pieces, { maxLength: 6 }).map((some) => some.join('')),
      fc.constantFrom('', null, undefined, '\uD800', 'a\uDC00b'),
    )
    const flag = fc.constantFrom(true, false, null, undefined)
    const flags = { makeAdmin: flag, isMfaDisabled: flag }
    const anyMember = fc.record({
      emailAddress: text.map((value) => value ?? ''),
      givenName: text,
      familyName: text,
      displayName: text,
      recoveryEmail: text,
      ...flags,
    })
    const goodMember = fc.record({
      emailAddress: fc.constantFrom('a@x.org', 'B@x.org', ' c@x.org'),
      givenName: fc.constantFrom('', 'Anna', ' ', '"A", B', "'=A", null, undefined),
      recoveryEmail: fc.constantFrom('', 'r@x.org', null, undefined),
      ...flags,
    })
    const property = fc.asyncProperty(
      fc.array(fc.oneof(anyMember, goodMember), { maxLength: 6 }),
      async (some) => {
        const sent = some.map((each) => each as Member)
        const chunks = await imported(sent, 2)
        const result = membersOf(chunks)
        const expected = sent.map((member, index) => ({
          member: index + 1,
          ...Object.fromEntries(
            Object.entries(member).map(([name, value]: [string, unknown]) => [name, echoed(value)]),
          ),
        }))
        expect(result).toMatchObject(expected)
        expect(result).toHaveLength(sent.length)
        const [, ...records] = parse(csvOf(chunks), { record_delimiter: '\n' })
        const { names } = memberForm
        const cells = result.map((member) =>
          names.map((name) => String((member[name] ?? '') as string | boolean)),
        )
        expect(records.map((record) => record.slice(3))).toEqual(cells)
      },
    )
    await fc.assert(property, { numRuns: 300, seed: 20261124 })
  })
})

/** What a result says of a value: `null` of none, and half characters as what they are. */
function echoed(value: unknown): unknown {
  if (typeof value !== 'string') return value ?? null
  return value === '' ? null : value.replace('\uD800', '\\uD800').replace('\uDC00b', '\\uDC00b')
}
