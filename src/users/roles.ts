/** The roles of an organization, the one with the most rights first: the order of the canonical form. */
export const roles = ['organization_owner', 'organization_member', 'organization_constituent'] as const

/** What a user may be in an organization. */
export type Role = (typeof roles)[number]

const entries = (value: string): string[] => value.split(/[,;|\s]+/).filter((entry) => entry !== '')

const isRole = (word: string): word is Role => (roles as readonly string[]).includes(word)

/** A list of roles as a set: known spelling, fixed order, joined by commas; `undefined` if any is unknown. */
export function canonicalRoles(value: string): string | undefined {
  const given = entries(value).map((entry) => entry.toLowerCase())
  if (given.length === 0 || !given.every(isRole)) return undefined
  return roles.filter((role) => given.includes(role)).join(',')
}

/** The entries of a list that are no roles, as they were sent. */
export function unknownRoles(value: string): string {
  const unknown = entries(value).filter((entry) => !isRole(entry.toLowerCase()))
  return unknown.length === 0 ? value : unknown.join(', ')
}

/** Takes the canonical form apart. */
export function roleSet(canonical: string): readonly string[] {
  return canonical === '' ? [] : canonical.split(',')
}
