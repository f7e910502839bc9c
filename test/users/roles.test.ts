import { describe, expect, it } from '@jest/globals'
import { withRoles } from '../../src/users/roles.ts'

const [owner, member, constituent] = ['organization_owner', 'organization_member', 'organization_constituent']

describe('a set of roles to which another is added', () => {
  it.each([
    ['', member, member],
    [constituent, member, `${member},${constituent}`],
    [member, owner, `${owner},${member}`],
    [`${owner},${constituent}`, member, `${owner},${member},${constituent}`],
  ])('has both in the canonical order: %s and %s', (before, added, after) => {
    expect(withRoles(before, added)).toBe(after)
  })

  it.each([owner, `${owner},${member}`, `${constituent},${owner}`, `auditor,${owner}`])(
    'stays as it is stored where it has it: %s',
    (before) => {
      expect(withRoles(before, owner)).toBe(before)
    },
  )

  it('keeps a role that somebody else stored and nobody knows', () => {
    expect(withRoles(`auditor,${constituent}`, owner)).toBe(`${owner},${constituent},auditor`)
  })
})
