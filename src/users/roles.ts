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

/** The canonical form with the roles of another added; as it stands where it has them all. */
export function withRoles(canonical: string, added: string): string {
  const had = roleSet(canonical)
  const missing = roleSet(added).filter((role) => !had.includes(role))
  if (missing.length === 0) return canonical
  const all = [...had, ...missing]
  // Nobody loses a role that somebody else has stored, whether we know it or not.
  return [...roles.filter((role) => all.includes(role)), ...all.filter((role) => !isRole(role))].join(',')
}

/** How to mend a list of roles that was refused, where the cause is plain. */
export function rolesHint(value: string): string | undefined {
  if (value.length > 200) return undefined
  const unknown = entries(value).filter((entry) => !isRole(entry.toLowerCase()))
  const likely = unknown.map((entry) => {
    const word = entry
      .toLowerCase()
      .replace(/^organi[sz]ation[-_.]?/, '')
      .replace(/s$/, '')
    return roles.find((role) => role === `organization_${word}`)
  })
  if (likely.length === 0 || likely.includes(undefined)) return undefined
  return `is it ${[...new Set(likely)].join(', ')}?`
}
