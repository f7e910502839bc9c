import {
  columns,
  creationColumns,
  type ColumnDefinition,
  type ColumnName,
  type CreationColumnName,
  type ValueRule,
} from './columns.ts'
import { canonicalEmail, emailHint } from './email.ts'
import type { Wording } from './faults.ts'
import { standsForNothing } from './hints.ts'
import { canonicalSchema, textUpTo } from './rules.ts'
import { isUpTo } from './text.ts'

/**
 * One member, its JSON types checked and none of its values: every string that JSON can say may stand there. `null`,
 * like `''`, is absent.
 */
export interface Member {
  readonly emailAddress?: string
  readonly givenName?: string | null
  readonly familyName?: string | null
  readonly displayName?: string | null
  readonly recoveryEmail?: string | null
  readonly makeAdmin?: boolean | null
  readonly isMfaDisabled?: boolean | null
}

/** The name of a member's property. */
export type MemberPropertyName = keyof Member

type FlagName = 'makeAdmin' | 'isMfaDisabled'

interface Described {
  /** The column of a user that it becomes. */
  readonly column: ColumnName | CreationColumnName
  /** Whether it must be there; others may be absent or `null`. */
  readonly required: boolean
  readonly description: string
}

/** A property that is a string in JSON. */
export interface TextProperty extends Described, ValueRule {
  readonly name: Exclude<MemberPropertyName, FlagName>
  readonly type: 'string'
  /** The most characters (code points) where the rule counts them, else `null`. */
  readonly maxLength: number | null
  readonly format: 'email' | null
  readonly example: string
}

/** A property that is `true`, `false` or `null` in JSON. */
export interface FlagProperty extends Described {
  readonly name: FlagName
  readonly type: 'boolean'
  readonly example: boolean
}

/** Everything that is known of one property of a member. */
export type MemberProperty = TextProperty | FlagProperty

const columnOf = (name: TextProperty['column']): ColumnDefinition => {
  const column = [...columns, ...creationColumns].find((each) => each.name === name)
  if (column === undefined) throw new RangeError(`${name} is no column`)
  return column
}

/** What passes the column's pattern and has at most `limit` characters. */
const plainUpTo = (limit: number, { source, flags }: RegExp): RegExp =>
  new RegExp(`^(?=.{1,${limit}}$)${source}`, flags)

/** A name: what its column takes, if it is short enough. */
function nameUpTo(
  maxLength: number,
  text: Pick<TextProperty, 'name' | 'column' | 'description'>,
): TextProperty {
  const { plain, example } = columnOf(text.column)
  return {
    ...text,
    type: 'string',
    required: false,
    maxLength,
    format: null,
    rule: `up to ${maxLength} characters`,
    schema: textUpTo(maxLength),
    plain: plainUpTo(maxLength, plain),
    words: true,
    example,
  }
}

const leaveOut = 'leave it out'
const EMAIL_LIMIT = 250

const emailUpTo250 = (value: string): string | undefined =>
  isUpTo(EMAIL_LIMIT, value) ? canonicalEmail(value) : undefined

const email = columnOf('email')
const recoveryEmail = columnOf('recoveryEmail')

/**
 * THE list of a member's properties, in the contract's order: the door, the judge, results, descriptions and types
 * derive from it. Where it says nothing else, a value has to be what its column takes.
 */
export const memberProperties: readonly MemberProperty[] = [
  {
    name: 'emailAddress',
    column: 'email',
    type: 'string',
    required: true,
    maxLength: EMAIL_LIMIT,
    format: 'email',
    rule: email.rule,
    canonical: emailUpTo250,
    schema: canonicalSchema(emailUpTo250),
    plain: plainUpTo(EMAIL_LIMIT, email.plain),
    hint: (value) =>
      canonicalEmail(value) === undefined ? emailHint(value) : `it may have up to ${EMAIL_LIMIT} characters`,
    example: email.example,
    description: 'The e-mail address, unique in the organization. It says which user is meant.',
  },
  nameUpTo(100, {
    name: 'givenName',
    column: 'givenName',
    description: 'The given name or names. Fills a blank one of a user who exists.',
  }),
  nameUpTo(100, {
    name: 'familyName',
    column: 'familyName',
    description: 'The family name or names. Fills a blank one of a user who exists.',
  }),
  nameUpTo(250, {
    name: 'displayName',
    column: 'name',
    description: 'The full name as it is displayed. Fills a blank one of a user who exists.',
  }),
  {
    name: 'recoveryEmail',
    column: 'recoveryEmail',
    type: 'string',
    required: false,
    maxLength: null,
    format: 'email',
    rule: recoveryEmail.rule,
    canonical: canonicalEmail,
    schema: recoveryEmail.schema,
    plain: recoveryEmail.plain,
    hint: (value) => (standsForNothing(value) ? `${leaveOut} where there is no value` : emailHint(value)),
    example: recoveryEmail.example,
    description: `${recoveryEmail.description} Stored only when the member becomes a new user.`,
  },
  {
    name: 'makeAdmin',
    column: 'roles',
    type: 'boolean',
    required: false,
    example: false,
    description:
      'Whether the member gets the role organization_owner; otherwise he gets organization_member. ' +
      'A user who exists keeps the roles that he has.',
  },
  {
    name: 'isMfaDisabled',
    column: 'isMfaDisabled',
    type: 'boolean',
    required: false,
    example: false,
    description: `${columnOf('isMfaDisabled').description} Stored only when the member becomes a new user.`,
  },
]

/** The words for members. */
export const wordingOfMembers: Wording = {
  one: 'member',
  among: 'among the members',
  leaveBlank: leaveOut,
  nameOf: (column) => memberProperties.find((property) => property.column === column)?.name ?? column,
}
