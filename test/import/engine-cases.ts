import fc from 'fast-check'
import type { AnnotatedRow, Row } from '../../src/import/row.ts'
import { columnNames, type ColumnName } from '../../src/users/columns.ts'
import { errorsText } from '../../src/users/faults.ts'
import type { Importer } from '../../src/users/grants.ts'
import type { StoredUser } from '../../src/users/user.ts'
import { buildUser, givenOf, idOf, rowsOf, runImport, today, type Given, type Stores } from './builders.ts'
import { applyRows, type ReferenceAnswer, type ReferenceUser } from './reference.ts'

/** A small file, and the organization that it meets. */
export interface EngineCase {
  readonly importer: Importer
  readonly users: readonly StoredUser[]
  readonly layout: readonly ColumnName[]
  readonly rows: readonly Row[]
  readonly clearBlanks: boolean
}

const ids = ['one', 'two', 'three', 'four', 'five'].map(idOf)
const flags = ['TRUE', 'FALSE']

/** What stored users have; few values, so that they meet. */
const storedSpace: Partial<Record<ColumnName, readonly string[]>> = {
  slug: ['', 's1', 'S2', 's3', 'é4'],
  providerType: ['Local', 'Google', 'Provisioned'],
  providerId: ['', '', 'p', 'q', 'P'],
  active: ['TRUE', 'TRUE', 'FALSE'],
  status: ['invited', 'active', 'suspended'],
  email: ['a@x.org', 'B@x.org', 'c@x.org', 'd@bücher.org', 'e@x.org'],
  emailVerified: flags,
  phoneNumber: ['', '+14155550132', '+33142685300'],
  phoneNumberVerified: flags,
  givenName: ['', 'Anna', 'Bob'],
  roles: [
    'organization_constituent',
    'organization_constituent',
    'organization_member',
    'organization_owner',
    'organization_owner,organization_constituent',
  ],
}

/** What the cells of a file say: the same values, some in another spelling, now and then a bad one. */
const cellSpace: Partial<Record<ColumnName, readonly string[]>> = {
  id: [...ids, idOf('nobody'), '1001'],
  slug: ['s1', 'S1', 's2', 's3', 'E\u03014', 'é4', 'no slug'],
  providerType: ['Local', 'google', 'Provisioned', 'Other'],
  providerId: ['p', 'q', 'P'],
  active: ['TRUE', 'no', 'FALSE', 'perhaps'],
  status: ['invited', 'Active', 'suspended', 'gone'],
  email: ['a@x.org', 'A@X.ORG', 'b@x.org', 'c@x.org', 'D@xn--bcher-kva.org', 'e@x.org', 'nowhere'],
  emailVerified: ['TRUE', 'yes', 'FALSE'],
  phoneNumber: ['+1 415 555 0132', '+33 1 42 68 53 00', '4.15E+09'],
  phoneNumberVerified: ['TRUE', 'FALSE', 'wahr'],
  givenName: ['Anna', ' Bob '],
  roles: [
    'organization_constituent',
    'Organization_Member',
    'organization_owner',
    'organization_constituent organization_owner',
    'applicant',
  ],
}

const cellColumns = Object.keys(cellSpace) as ColumnName[]

/** How often, of ten cells, a column has a value: keys of a strength of their own, so that all decide. */
const fullness: Partial<Record<ColumnName, number>> = {
  id: 2,
  slug: 5,
  providerType: 4,
  providerId: 3,
  email: 7,
}

const oneOf = (values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values)

/** The last of a column's values is the bad one: seldom. */
function cellOf(name: ColumnName): fc.Arbitrary<string> {
  const values = cellSpace[name] ?? []
  const full = fullness[name] ?? 3
  return fc.oneof(
    { weight: 10 * (10 - full), arbitrary: oneOf(['', '', ' ']) },
    { weight: 10 * full, arbitrary: oneOf(values.slice(0, -1)) },
    { weight: 2, arbitrary: oneOf(values) },
  )
}

const anyRow = fc.record(
  Object.fromEntries(cellColumns.map((name) => [name, cellOf(name)])),
) as fc.Arbitrary<Given>

/** A row that means nobody yet; `#` becomes the number of the row. */
const freshRow: fc.Arbitrary<Given> = fc.record({
  email: fc.constant('new#@x.org'),
  slug: oneOf(['', 'new#']),
  givenName: oneOf(['', 'Anna']),
  roles: oneOf(['', 'organization_constituent', 'organization_owner']),
})

const mixed = fc.array(anyRow, { minLength: 1, maxLength: 12 })
/** New users only, then whatever may clash with them: what writing before looking must get right. */
const mostlyNew = fc
  .tuple(fc.array(freshRow, { minLength: 2, maxLength: 9 }), fc.array(anyRow, { maxLength: 3 }))
  .map(([fresh, last]) => [...fresh, ...last])

const layouts = fc
  .oneof(
    { weight: 2, arbitrary: fc.constant(cellColumns) },
    { weight: 3, arbitrary: fc.shuffledSubarray(cellColumns, { minLength: 2 }) },
  )
  .map((columns) =>
    columns.some((name) => ['id', 'slug', 'email'].includes(name)) ? columns : ['email' as const, ...columns],
  )

const storedUser = fc.record(
  Object.fromEntries(Object.entries(storedSpace).map(([name, values]) => [name, oneOf(values)])),
) as fc.Arbitrary<Given>

/** The users of an organization: whoever would have a key of one before him is left out. */
const organizations = fc.array(storedUser, { maxLength: 5 }).map((given) => {
  const taken = new Set<string | undefined>()
  return given
    .map((each, index) => buildUser({ ...each, id: ids[index]! }))
    .filter(({ keys }) => {
      const mine = [keys.slug, keys.provider, keys.email].filter((key) => key !== undefined)
      if (mine.some((key) => taken.has(key))) return false
      mine.forEach((key) => taken.add(key))
      return true
    })
})

const importers: fc.Arbitrary<Importer> = fc.record({
  role: fc.constantFrom('organization_owner', 'organization_owner', 'organization_member'),
  subject: oneOf([...ids.slice(0, 3), 'somebody']),
  emailKey: fc.constantFrom(undefined, 'a@x.org', 'b@x.org'),
})

/** Files of up to 12 rows over few keys, and organizations of up to five users. */
export const engineCases: fc.Arbitrary<EngineCase> = fc
  .record({
    importer: importers,
    users: organizations,
    layout: layouts,
    given: fc.oneof({ weight: 3, arbitrary: mixed }, { weight: 1, arbitrary: mostlyNew }),
    absent: fc.array(fc.nat({ max: 3 }), { maxLength: 12 }),
    clearBlanks: fc.boolean(),
  })
  .map(({ given, absent, ...rest }) => {
    const cells = given.map((row, index) =>
      rest.layout
        .map((name) => (row[name] ?? '').replace('#', String(index + 2)))
        .slice(0, Math.max(1, rest.layout.length - (absent[index] ?? 0))),
    )
    return { ...rest, rows: rowsOf(...cells) }
  })

/** What an import came to, as text that can be compared and read. */
export interface Outcome {
  readonly answers: readonly string[]
  readonly table: readonly string[]
}

/** What the reference says of a case. */
export function expectedOf({ users, ...asked }: EngineCase): Outcome {
  const table = users.map(
    ({ values }) =>
      Object.fromEntries(columnNames.map((name, index) => [name, values[index]])) as ReferenceUser,
  )
  const answers = applyRows(table, { ...asked, today })
  return {
    answers: answers.map((each, index) => answerText(each, index + 2)),
    table: table.map((user) => userText(columnNames.map((name) => user[name]))).sort(),
  }
}

/** What the engine says of a case, in batches of a size; `stored` reads the table afterwards. */
export async function outcomeOf(
  asked: EngineCase,
  batch: number,
  where: {
    users: Stores
    organizationId: number
    stored: () => Promise<readonly (readonly string[])[]>
  },
): Promise<Outcome> {
  const { users, organizationId } = where
  const { layout, rows, importer, clearBlanks } = asked
  const file = { layout, rows, importer, clearBlanks, batch, users, organizationId }
  const answered = await inCase(asked, batch, () => runImport(file))
  const created = new Map(
    answered.flatMap(({ disposition, id, row }) =>
      disposition === 'created' ? [[id, `new ${row.number}`]] : [],
    ),
  )
  const table = (await where.stored()).map(([id = '', ...values]) =>
    userText([created.get(id) ?? id, ...values]),
  )
  return {
    answers: answered.map((each) =>
      answerText({ ...each, id: created.get(each.id) ?? each.id }, each.row.number),
    ),
    table: table.sort(),
  }
}

type Answer = ReferenceAnswer | AnnotatedRow

function answerText({ disposition, faults, id, changed }: Answer, row: number): string {
  const codes = faults.map(({ code, value }) => `${code}=${value}`).join(' ')
  const more = [id ?? '', changed.join(' '), errorsText(faults), codes].filter((text) => text !== '')
  return `row ${row}: ${[disposition, ...more].join(' | ')}`
}

function userText(values: readonly string[]): string {
  return columnNames.flatMap((name, index) => (values[index] ? [`${name}=${values[index]}`] : [])).join(' ')
}

/** A case for whoever has to find out why it failed. */
export function describeCase({ importer, users, layout, rows, clearBlanks }: EngineCase): string {
  const stored = users.map((user) => `  ${JSON.stringify(givenOf(user))}`)
  const file = rows.map(
    ({ number, cells }) => `  row ${number}: ${cells.map((cell) => JSON.stringify(cell)).join(',')}`,
  )
  return [
    `caller ${JSON.stringify(importer)}${clearBlanks ? ', ?blank=clear' : ''}`,
    'users',
    ...stored,
    `file ${layout.join(',')}`,
    ...file,
  ].join('\n')
}

/** Throws what differs, with the case, unless both outcomes are the same. */
export function compare(asked: EngineCase, batch: number, expected: Outcome, actual: Outcome): void {
  const lines = (one: readonly string[], other: readonly string[], sign: string): string[] =>
    one.filter((line) => !other.includes(line)).map((line) => `  ${sign} ${line}`)
  const differences = [
    ...lines(expected.answers, actual.answers, 'contract:'),
    ...lines(actual.answers, expected.answers, 'engine:  '),
    ...lines(expected.table, actual.table, 'contract leaves:'),
    ...lines(actual.table, expected.table, 'engine leaves:  '),
  ]
  const isSame = JSON.stringify(expected) === JSON.stringify(actual)
  if (isSame) return
  const detail = differences.length > 0 ? differences : ['  the same lines in another order']
  throw new Error([describeCase(asked), `in batches of ${batch}`, ...detail].join('\n'))
}

/** Says of an error, which the engine should not throw, in which case it did. */
export async function inCase<T>(asked: EngineCase, batch: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { message, cause } = error as Error
    const causes = cause instanceof Error ? `: ${cause.message}` : ''
    throw new Error(`${describeCase(asked)}\nin batches of ${batch}\n  ${message}${causes}`, { cause: error })
  }
}

/** Fails with no more than the smallest case, what differs, and how to run it again. */
export function assertHeld<T>(details: fc.RunDetails<T>): void {
  if (!details.failed) return
  const { seed, counterexamplePath, numShrinks, errorInstance } = details
  const what = errorInstance instanceof Error ? errorInstance : new Error('interrupted')
  throw new Error(
    `seed ${seed}, path ${counterexamplePath ?? ''}, ${numShrinks} times made smaller\n${what.stack ?? what.message}`,
    { cause: what.cause },
  )
}
