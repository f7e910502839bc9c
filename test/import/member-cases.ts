import fc from 'fast-check'
import { createMemberJudge } from '../../src/import/judge-members.ts'
import { importRows, type ImportParts } from '../../src/import/import-rows.ts'
import { meaningOfMembers } from '../../src/import/meaning.ts'
import { memberRow } from '../../src/import/member-rows.ts'
import type { AnnotatedRow } from '../../src/import/row.ts'
import { columnNames, creationColumns, type ColumnName } from '../../src/users/columns.ts'
import type { Importer } from '../../src/users/grants.ts'
import type { Member } from '../../src/users/members.ts'
import type { StoredUser } from '../../src/users/user.ts'
import type { UserToStore } from '../../src/users/user-directory.ts'
import { buildUser, givenOf, idOf, inOneBlock, owner, type Given, type Stores } from './builders.ts'
import type { Outcome } from './engine-cases.ts'
import { applyMembers, type ReferenceMember } from './member-reference.ts'

/** Some members, and the organization that they meet. */
export interface MemberCase {
  readonly users: readonly StoredUser[]
  readonly members: readonly Member[]
}

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)

const storedUser: fc.Arbitrary<Given> = fc.record({
  email: oneOf('a@x.org', 'B@x.org', 'c@x.org', 'd@bücher.org'),
  emailVerified: oneOf('TRUE', 'FALSE'),
  active: oneOf('TRUE', 'TRUE', 'FALSE'),
  status: oneOf('invited', 'active', 'suspended'),
  name: oneOf('', 'Anna Belle'),
  givenName: oneOf('', 'Anna'),
  familyName: oneOf('', 'Belle'),
  nickName: oneOf('', 'Annie'),
  roles: oneOf(
    'organization_constituent',
    'organization_member',
    'organization_owner',
    'organization_owner,organization_member',
    // as somebody else may have written it
    'organization_constituent,organization_owner',
  ),
})

const organizations = fc
  .uniqueArray(storedUser, { maxLength: 4, selector: ({ email }) => email })
  .map((given) => given.map((each, index) => buildUser({ ...each, id: idOf(`user${index}`) })))

const name = (limit: number): fc.Arbitrary<string | null | undefined> =>
  fc.oneof(
    { weight: 9, arbitrary: oneOf('', ' ', 'Bob', ' Éva  ', null, undefined, '😀'.repeat(limit)) },
    { weight: 1, arbitrary: oneOf('x'.repeat(limit + 1), '😀'.repeat(limit + 1)) },
  )

const flag = oneOf(true, false, null, undefined)

const withEmail = (emailAddress: fc.Arbitrary<string>): fc.Arbitrary<Member> =>
  fc
    .record({
      emailAddress,
      givenName: name(100),
      familyName: name(100),
      displayName: name(250),
      recoveryEmail: fc.oneof(
        { weight: 9, arbitrary: oneOf('', null, undefined, 'r@x.org', ' R@Bücher.org') },
        { weight: 1, arbitrary: oneOf('nowhere') },
      ),
      makeAdmin: flag,
      isMfaDisabled: flag,
    })
    .map((member) => JSON.parse(JSON.stringify(member)) as Member)

const anyEmail = fc.oneof(
  {
    weight: 8,
    arbitrary: oneOf('a@x.org', ' A@X.ORG ', 'b@x.org', 'c@x.org', 'D@xn--bcher-kva.org', 'e@x.org'),
  },
  { weight: 1, arbitrary: oneOf('', 'nowhere') },
)
const anybody = fc.array(withEmail(anyEmail), { minLength: 1, maxLength: 12 })
/** New users only, then whoever may be known: what writing before looking must get right. */
const mostlyNew = fc
  .tuple(
    fc.array(withEmail(oneOf('new#@x.org')), { minLength: 2, maxLength: 9 }),
    fc.array(withEmail(anyEmail), { maxLength: 3 }),
  )
  .map(([fresh, last]) =>
    [...fresh, ...last].map((each, index) => ({
      ...each,
      emailAddress: (each.emailAddress ?? '').replace('#', String(index)),
    })),
  )

/** Up to 12 members over few e-mail addresses, and organizations of up to four users. */
export const memberCases: fc.Arbitrary<MemberCase> = fc.record({
  users: organizations,
  members: fc.oneof({ weight: 3, arbitrary: anybody }, { weight: 1, arbitrary: mostlyNew }),
})

/** An import of members as a test asks for it. */
export interface MembersAsked {
  readonly users: Stores
  readonly members: readonly Member[]
  readonly organizationId?: number
  readonly importer?: Importer
  readonly batch?: number
}

/** The parts of an import of members in batches of one size. */
export const memberParts = (
  importer: Importer = owner,
  batch = 500,
): Omit<ImportParts<never>, 'store' | 'record'> => ({
  importer,
  judge: createMemberJudge(importer.role),
  meaning: meaningOfMembers,
  batches: { first: batch, largest: batch, patience: 60_000 },
})

/** The rows of members, counted from 1. */
export const rowsOfMembers = (members: readonly Member[]) =>
  members.map((member, index) => memberRow(member, index + 1))

/** Imports members. */
export async function importMembers(asked: MembersAsked): Promise<AnnotatedRow[]> {
  const { users, members, organizationId = 1, importer, batch } = asked
  const store = await users.store(organizationId)
  const record = (rows: readonly AnnotatedRow[]) => Promise.resolve(rows)
  const answered: AnnotatedRow[] = []
  const parts = { ...memberParts(importer, batch), store, record }
  for await (const rows of importRows(inOneBlock(rowsOfMembers(members)), parts)) answered.push(...rows)
  return answered
}

/** All that is stored of a user, by column. */
export type StoredMember = Given & Readonly<Record<'recoveryEmail' | 'isMfaDisabled', string>>

/** All that is stored of users in memory. */
export const storedInMemory = (users: Iterable<UserToStore>): StoredMember[] =>
  [...users].map(({ onCreation, ...user }) => ({
    ...givenOf(user),
    recoveryEmail: onCreation?.[0] ?? '',
    isMfaDisabled: onCreation?.[1] ?? 'FALSE',
  }))

const allColumns = [...columnNames, ...creationColumns.map(({ name }) => name)]

const userText = (
  user: Readonly<Partial<Record<ColumnName | 'recoveryEmail' | 'isMfaDisabled', string>>>,
): string => allColumns.flatMap((column) => (user[column] ? [`${column}=${user[column]}`] : [])).join(' ')

/** What the reference says of a case. */
export function expectedOfMembers({ users, members }: MemberCase): Outcome {
  const table = users.map(({ values }): ReferenceMember => ({
    ...(Object.fromEntries(columnNames.map((column, index) => [column, values[index] ?? ''])) as Record<
      ColumnName,
      string
    >),
    recoveryEmail: '',
    isMfaDisabled: 'FALSE',
  }))
  const answers = applyMembers(table, members).map(({ disposition, id, faults }, index) =>
    [`member ${index + 1}: ${disposition}`, id ?? '', ...faults].join(' | '),
  )
  return { answers, table: table.map(userText).sort() }
}

/** What the engine said of a case, and left. */
export function outcomeOfMembers(
  answered: readonly AnnotatedRow[],
  stored: readonly StoredMember[],
): Outcome {
  const created = new Map(
    answered.flatMap(({ disposition, id, row }) =>
      disposition === 'created' ? [[id ?? '', `new ${row.number}`] as const] : [],
    ),
  )
  const answers = answered.map(({ row, disposition, id, faults }) =>
    [
      `member ${row.number}: ${disposition}`,
      created.get(id ?? '') ?? id ?? '',
      ...faults.map(({ code, message }) => `${code}: ${message}`),
    ].join(' | '),
  )
  const table = stored.map((user) => userText({ ...user, id: created.get(user.id ?? '') ?? user.id ?? '' }))
  return { answers, table: table.sort() }
}
