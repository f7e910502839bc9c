import { randomBytes } from 'node:crypto'
import type { AnnotatedRow, Layout, Row } from '../../src/import/row.ts'
import { importRows, type ImportParts } from '../../src/import/import-rows.ts'
import { createJudge, createKeyJudge } from '../../src/import/judge.ts'
import { meaningOfRows } from '../../src/import/meaning.ts'
import { columnNames, columns, type ColumnName } from '../../src/users/columns.ts'
import { errorsText } from '../../src/users/faults.ts'
import type { Importer } from '../../src/users/grants.ts'
import { keysOf, type StoredUser } from '../../src/users/user.ts'
import type { BatchStore } from '../../src/users/user-directory.ts'

/** Values of a user by column, in canonical form; what is left out is blank or the default. */
export type Given = Readonly<Partial<Record<ColumnName, string>>>

/** A day on which every test runs. */
export const today = '2026-11-22'

/** An id as the service makes them. */
export const newId = (): string => `a${randomBytes(27).toString('base64url').slice(1)}`

/** An id of 36 characters that a reader recognizes. */
export const idOf = (name: string): string => `${name}${'_'.repeat(36)}`.slice(0, 36)

/** A user as the organization has him. */
export function buildUser(given: Given = {}): StoredUser {
  const id = given.id ?? newId()
  const values = columns.map(({ name, default: byDefault, type }) => {
    if (name === 'id') return id
    if (name === 'email') return given.email ?? `${id.toLowerCase()}@example.com`
    return given[name] ?? byDefault ?? (type === 'boolean' ? 'FALSE' : '')
  })
  return { id, values, keys: keysOf(values) }
}

/** What is not blank of a user. */
export function givenOf({ values }: Pick<StoredUser, 'values'>): Given {
  return Object.fromEntries(
    columnNames.flatMap((name, index) => (values[index] ? [[name, values[index]]] : [])),
  )
}

/** The rows of a file, numbered from 2. */
export const rowsOf = (...cells: readonly (readonly string[])[]): Row[] =>
  cells.map((each, index) => ({ number: index + 2, cells: each, faults: [] }))

/** Rows, and the layout that they need, from objects: a column that any row has is present in all. */
export function fileOf(...given: readonly Given[]): { layout: ColumnName[]; rows: Row[] } {
  const layout = columnNames.filter((name) => given.some((each) => each[name] !== undefined))
  return { layout, rows: rowsOf(...given.map((each) => layout.map((name) => each[name] ?? ''))) }
}

/** A caller with every right, who is no user of the organization. */
export const owner: Importer = { role: 'organization_owner', subject: 'nobody', emailKey: undefined }

/** A caller with some rights, who is no user of the organization. */
export const member: Importer = { role: 'organization_member', subject: 'nobody', emailKey: undefined }

/** Where the users of organizations are stored; each import has a store of its own. */
export interface Stores {
  store(
    organizationId: number,
  ): BatchStore<readonly AnnotatedRow[]> | Promise<BatchStore<readonly AnnotatedRow[]>>
}

/** An import as a test asks for it. */
export interface TestImport {
  readonly users: Stores
  readonly organizationId?: number
  readonly importer?: Importer
  readonly layout: Layout
  readonly rows: readonly Row[]
  readonly batch?: number
  readonly clearBlanks?: boolean
}

/** The rows in one block. */
export async function* inOneBlock<T>(rows: readonly T[]): AsyncGenerator<readonly T[]> {
  await Promise.resolve()
  if (rows.length > 0) yield rows
}

/** The parts of an import in batches of one size that wait for nothing but the end, but for where it is stored. */
export function partsOf(
  asked: Omit<TestImport, 'users' | 'organizationId' | 'rows'>,
): Omit<ImportParts<never>, 'store' | 'record'> {
  const { importer = owner, layout, batch = 500, clearBlanks = false } = asked
  const judging = { reading: { today }, clearBlanks, role: importer.role }
  return {
    importer,
    judge: createJudge(layout, judging),
    recalling: createKeyJudge(layout, judging),
    meaning: meaningOfRows,
    batches: { first: batch, largest: batch, patience: 60_000 },
  }
}

/** Runs an import to its end. */
export async function runImport(asked: TestImport): Promise<AnnotatedRow[]> {
  const store = await asked.users.store(asked.organizationId ?? 1)
  const record = (rows: readonly AnnotatedRow[]) => Promise.resolve(rows)
  const answered: AnnotatedRow[] = []
  for await (const batch of importRows(inOneBlock(asked.rows), { ...partsOf(asked), store, record }))
    answered.push(...batch)
  return answered
}

/** What a reader of the answer sees of each row: the errors of an invalid one, else the disposition. */
export const outcomes = (rows: readonly AnnotatedRow[]): string[] =>
  rows.map(({ disposition, faults }) => (disposition === 'invalid' ? errorsText(faults) : disposition))
