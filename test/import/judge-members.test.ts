import { describe, expect, it } from '@jest/globals'
import { createMemberJudge } from '../../src/import/judge-members.ts'
import { memberRow } from '../../src/import/member-rows.ts'
import { columnIndex, columnNames } from '../../src/users/columns.ts'
import type { Importer } from '../../src/users/grants.ts'
import { memberProperties, type Member } from '../../src/users/members.ts'
import type { Candidate } from '../../src/users/user.ts'

const verdictOf = (member: Member, role: Importer['role'] = 'organization_owner') =>
  createMemberJudge(role)(memberRow(member, 1))

const anna = { emailAddress: 'anna@x.org' }

/** Code and sentence of each fault; none where the member is good. */
function faultsOf(member: Member, role?: Importer['role']): string[] {
  const verdict = verdictOf(member, role)
  return verdict.kind === 'faulty' ? verdict.faults.map(({ code, message }) => `${code}: ${message}`) : []
}

function candidateOf(member: Member): Candidate {
  const verdict = verdictOf(member)
  if (verdict.kind !== 'candidate') throw new Error(`${verdict.kind}: ${faultsOf(member).join()}`)
  return verdict.candidate
}

/** The values that a good member says, by column. */
function saidBy(member: Member): Record<string, unknown> {
  const { values, onCreation } = candidateOf(member)
  const said = columnNames.flatMap((name) =>
    values[columnIndex[name]] === undefined ? [] : [[name, values[columnIndex[name]]]],
  )
  return { ...Object.fromEntries(said), onCreation }
}

describe('a bad value of a member', () => {
  it('is told by the name of its property, each of them, in the order of the contract', () => {
    const member: Member = {
      isMfaDisabled: true,
      recoveryEmail: 'n/a',
      displayName: 'd'.repeat(251),
      familyName: 'f'.repeat(101),
      givenName: '#N/A',
      emailAddress: 'x',
    }
    expect(faultsOf(member)).toEqual([
      'emailAddress.invalid: emailAddress must be a valid email, but has x',
      'givenName.spreadsheet_error: givenName must be a value, but has #N/A ' +
        '(a formula of the spreadsheet failed: put a value there or leave it out)',
      `familyName.invalid: familyName must be up to 100 characters, but has ${'f'.repeat(100)}…`,
      `displayName.invalid: displayName must be up to 250 characters, but has ${'d'.repeat(100)}…`,
      'recoveryEmail.invalid: recoveryEmail must be a valid email, but has n/a (leave it out where there is no value)',
    ])
  })

  it.each(['', ' ', '\u200B'])('is an e-mail address that is %j', (emailAddress) => {
    expect(faultsOf({ emailAddress })).toEqual(['emailAddress.required: emailAddress is required'])
  })

  it('is an e-mail address of more than 250 characters that a file could have', () => {
    const labels = ['c', 'd', 'e'].map((letter) => letter.repeat(60)).join('.')
    const ofLength = (length: number): string => `${'a'.repeat(length - labels.length - 5)}@${labels}.org`
    expect(Array.from(ofLength(250))).toHaveLength(250)
    expect(faultsOf({ emailAddress: ofLength(250) })).toEqual([])
    expect(faultsOf({ emailAddress: ofLength(251) })).toEqual([
      expect.stringMatching(
        /^emailAddress\.invalid: emailAddress must be a valid email, but has .*… \(it may have up to 250 characters\)$/,
      ),
    ])
    expect(faultsOf({ ...anna, recoveryEmail: ofLength(251) })).toEqual([])
  })

  it.each([
    ['givenName', 100],
    ['familyName', 100],
    ['displayName', 250],
  ] as const)('is a %s of more than %d code points', (name, limit) => {
    for (const character of ['x', 'é', '😀', '李', 'e\u0301'.slice(1)]) {
      expect(faultsOf({ ...anna, [name]: `a${character.repeat(limit - 1)}` })).toEqual([])
      expect(faultsOf({ ...anna, [name]: `a${character.repeat(limit)}` })).toEqual([
        expect.stringMatching(`^${name}\\.invalid: ${name} must be up to ${limit} characters`),
      ])
    }
  })

  it('is one that holds half a character, which the answer shows as what it is', () => {
    const member = {
      emailAddress: 'a\uDC00@x.org',
      displayName: 'Anna \uD83D Belle',
      recoveryEmail: '\uD83D',
    }
    expect(faultsOf(member)).toEqual([
      'emailAddress.undecodable: emailAddress must be Unicode text, but has a\\uDC00@x.org',
      'displayName.undecodable: displayName must be Unicode text, but has Anna \\uD83D Belle',
      'recoveryEmail.undecodable: recoveryEmail must be Unicode text, but has \\uD83D',
    ])
    const { cells } = memberRow(member, 1)
    expect(cells).toEqual(['a\\uDC00@x.org', '', '', 'Anna \\uD83D Belle', '\\uD83D', '', ''])
    expect(Buffer.from(cells.join()).toString()).toBe(cells.join())
  })

  it.each(['\u0000', '\n', '\u202E', '\u2028'])('is one that holds %j', (control) => {
    expect(faultsOf({ ...anna, givenName: `An${control}na` })).toEqual([
      expect.stringMatching(/^givenName\.control_character: givenName must be without control characters/),
    ])
  })

  it('is a name that a program misread', () => {
    expect(faultsOf({ ...anna, givenName: 'JosÃ©' })).toEqual([
      expect.stringMatching(/^givenName\.misread: .*is it José\?/),
    ])
  })

  it('weighs no more than its beginning in the answer where it is very long', () => {
    const long = `${'x'.repeat(99)}\uD83D\uDE00${'y'.repeat(200_000)}`
    const row = memberRow({ emailAddress: long, displayName: long }, 1)
    expect(row.cells.slice(0, 4)).toEqual([`${'x'.repeat(99)}😀…`, '', '', `${'x'.repeat(99)}😀…`])
    expect(faultsOf({ emailAddress: long, displayName: long })).toEqual([
      `emailAddress.invalid: emailAddress must be a valid email, but has ${'x'.repeat(99)}😀…`,
      `displayName.invalid: displayName must be up to 250 characters, but has ${'x'.repeat(99)}😀…`,
    ])
  })

  it('is a role that the caller may not grant: a member’s least is organization_member', () => {
    expect(faultsOf({ ...anna, makeAdmin: true }, 'organization_member')).toEqual([
      'makeAdmin.forbidden: makeAdmin may be set so only by an organization_owner, but has true',
    ])
    expect(faultsOf(anna, 'organization_member')).toEqual([
      'makeAdmin.forbidden: makeAdmin may be set so only by an organization_owner, but has null',
    ])
  })
})

describe('a good member', () => {
  it('says what a row would say', () => {
    expect(
      saidBy({
        emailAddress: ' Anna@X.org ',
        givenName: ' Anna\u00A0',
        familyName: "'=Belle",
        displayName: 'Anna Belle',
        recoveryEmail: ' R@bücher.org',
        makeAdmin: true,
        isMfaDisabled: true,
      }),
    ).toEqual({
      email: 'Anna@X.org',
      givenName: 'Anna',
      familyName: '=Belle',
      name: 'Anna Belle',
      roles: 'organization_owner',
      onCreation: ['R@bücher.org', 'TRUE'],
    })
    expect(candidateOf({ emailAddress: ' Anna@X.org ' }).keys).toEqual({
      slug: undefined,
      provider: undefined,
      email: 'anna@x.org',
    })
  })

  const absent = [undefined, null, '', ' '] as const
  it.each(absent)('says nothing by a property that is %j', (nothing) => {
    const flag =
      nothing === undefined || nothing === null ? { makeAdmin: nothing, isMfaDisabled: nothing } : {}
    const texts = { givenName: nothing, familyName: nothing, displayName: nothing, recoveryEmail: nothing }
    const member = { ...anna, ...texts, ...flag } as Member
    expect(saidBy(member)).toEqual({
      email: 'anna@x.org',
      roles: 'organization_member',
      onCreation: ['', 'FALSE'],
    })
  })

  it('tells false from what is absent in the answer, though both mean the same', () => {
    expect(memberRow({ ...anna, makeAdmin: false, isMfaDisabled: true }, 7)).toEqual({
      number: 7,
      cells: ['anna@x.org', '', '', '', '', 'false', 'true'],
      faults: [],
    })
    expect(memberRow({ ...anna, makeAdmin: null }, 7).cells).toEqual(['anna@x.org', '', '', '', '', '', ''])
    expect(saidBy({ ...anna, makeAdmin: false, isMfaDisabled: false })).toEqual(saidBy(anna))
  })
})

describe('the properties of a member', () => {
  it('are those of the contract in its order', () => {
    expect(memberProperties.map(({ name }) => name)).toEqual([
      ...[
        'emailAddress',
        'givenName',
        'familyName',
        'displayName',
        'recoveryEmail',
        'makeAdmin',
        'isMfaDisabled',
      ],
    ])
  })

  it('have examples that are good', () => {
    const example = Object.fromEntries(memberProperties.map(({ name, example }) => [name, example]))
    expect(faultsOf(example as unknown as Member)).toEqual([])
  })
})
