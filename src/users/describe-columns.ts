import { columns, type Column } from './columns.ts'
import { defaultOf } from './grants.ts'
import { mayGrant, rightOnExisting, rightOnNew, type ImportingRole, type Right } from './rights.ts'
import { roles, type Role } from './roles.ts'

/** What a caller may set of a column. A value that is stored already, or is the default, asks for no right. */
export interface Permission {
  /** `sometimes`: the values below, or as `when` says. */
  readonly allowed: Right['may']
  /** The only values that he may set, as cells hold them; `null` where that is not what limits him. */
  readonly values: readonly string[] | null
  /** When he may, or why he never may, as part of a sentence; `null` where there is nothing to say. */
  readonly when: string | null
}

/** A column for those who make uploads. */
export interface ColumnDescription {
  /** The contract's spelling. */
  readonly name: string
  /** A sentence: what a value must be. */
  readonly rule: string
  /** What a cell holds; a `list` is separated by `,` `;` `|` or spaces. */
  readonly type: 'string' | 'boolean' | 'list'
  readonly description: string
  readonly examples: readonly string[]
  /** What a new user has who leaves it blank, as cells hold it; `null` for nothing. */
  readonly default: string | null
  /** Whether a new user must have it. */
  readonly required: boolean
  /** The only values, of a list its only entries, in the spelling in which they are stored; `null` where others are good. */
  readonly values: readonly string[] | null
  /** The most characters (code points) where the rule counts them, else `null`. */
  readonly maxLength: number | null
  readonly lineBreaks: boolean
  /** Whether `?blank=clear` may clear it. */
  readonly clearable: boolean
  readonly mayCreate: Permission
  readonly mayUpdate: Permission
}

/** What a caller may do, and all columns in the contract's order. */
export interface UploadDescription {
  /** The caller's role that counts; `null` where none may import. */
  readonly role: ImportingRole | null
  readonly mayImport: boolean
  /** The roles that he may grant. He may change only users whose every role is among them. */
  readonly mayGrant: readonly Role[]
  /** Sentences: what he may not do though the columns' permissions allow it. */
  readonly limits: readonly string[]
  readonly columns: readonly ColumnDescription[]
}

const limits = [
  'No row takes away the rights of your own user.',
  'No row leaves the organization without an active owner.',
]

/** Describes what a caller can upload. `undefined` may not import: then nothing may be set. */
export function describeUpload(role: ImportingRole | undefined): UploadDescription {
  return {
    role: role ?? null,
    mayImport: role !== undefined,
    mayGrant: role === undefined ? [] : mayGrant[role],
    limits:
      role === undefined ? ['Only an organization_owner or organization_member may import users.'] : limits,
    columns: columns.map((column) => describe(column, role)),
  }
}

const types = { text: 'string', boolean: 'boolean', 'text[]': 'list' } as const

function describe(column: Column, role: ImportingRole | undefined): ColumnDescription {
  const { name, rule, type, description, example } = column
  return {
    name,
    rule: `${name} must be ${rule}`,
    type: types[type],
    description,
    examples: [example],
    default: defaultOf(column) || null,
    required: column.required === true,
    ...limitsOf(column),
    lineBreaks: column.lineBreaks === true,
    clearable: column.clearable,
    mayCreate: name === 'id' ? assigned : permission(rightOnNew(role, column)),
    mayUpdate: name === 'id' ? assigned : permission(rightOnExisting(role, column)),
  }
}

/** What the column's schema knows of itself. What it counts does not depend on how cells are read. */
function limitsOf({ type, schema }: Column): Pick<ColumnDescription, 'values' | 'maxLength'> {
  const { oneOf, tests } = schema({ today: '' }).describe() as {
    readonly oneOf: readonly string[]
    readonly tests: readonly { readonly name?: string; readonly params?: { readonly limit?: number } }[]
  }
  const own = oneOf.length > 0 ? oneOf : null
  return {
    values: type === 'text[]' ? roles : own,
    maxLength: tests.find((test) => test.name === 'length')?.params?.limit ?? null,
  }
}

/** Not a matter of rights: nobody sets an id. */
const assigned: Permission = {
  allowed: 'never',
  values: null,
  when: 'the service assigns it; a row gives it to say which user it means',
}

const permission = ({ may, values, when }: Right): Permission => ({
  allowed: may,
  values: values ?? null,
  when: when ?? null,
})
