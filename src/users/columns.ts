import type { Schema } from 'yup'
import { birthdateHint, canonicalBirthdate } from './birthdate.ts'
import { canonicalEmail, emailHint } from './email.ts'
import { hintOf, type Hint } from './hints.ts'
import { canonicalLocale, canonicalTimeZone } from './locale.ts'
import { canonicalPhoneNumber, phoneNumberHint } from './phone-number.ts'
import { canonicalRoles, roles, rolesHint, unknownRoles } from './roles.ts'
import {
  boolean,
  booleanHint,
  canonicalSchema,
  oneOf,
  textUpTo,
  webAddress,
  webAddressHint,
  type Canonical,
  type ReadingOptions,
} from './rules.ts'
import { string } from 'yup'

/** What is asked of one value, by the name under which people give it. */
export interface ValueRule {
  /** The contract's spelling: an OpenID Connect claim in camel case, or a field of the account. */
  readonly name: string
  /** Completes «COLUMN must be …». */
  readonly rule: string
  /** Whether the rule lists its values; then the sentence does without a comma. */
  readonly lists?: true
  /** The rule: casts a value without white space around it into canonical form, or refuses it. */
  readonly schema: (options: ReadingOptions) => Schema<string | undefined>
  /** A cell that matches is its own canonical form and good: most cells never reach the schema. */
  readonly plain: RegExp
  /** Where the schema stands on a function of ours: what it casts, without the price of a schema. */
  readonly canonical?: Canonical
  /** Whether it holds words of a language, whose letters a program may have misread. */
  readonly words?: true
  /** Whether a value may hold line breaks. */
  readonly lineBreaks?: true
  /** How to mend a value that was refused, where the cause is plain. */
  readonly hint?: Hint
  /** The part of a refused value that offends. */
  readonly offending?: (value: string) => string
}

/** Everything that is known of one column; header, rule, SQL, template and types derive from it. */
export interface ColumnDefinition extends ValueRule {
  /** The column of the table `users`. */
  readonly database: string
  /** How the table keeps it. */
  readonly type: 'text' | 'boolean' | 'text[]'
  /** What a new user gets who leaves it blank, in canonical form; blank where there is none. */
  readonly default?: string
  /** Whether a new user must have it. */
  readonly required?: true
  /** Whether `?blank=clear` may clear it. */
  readonly clearable: boolean
  /** Whether it says something of the person and nothing of the account. */
  readonly profile: boolean
  readonly example: string
  readonly description: string
}

// Printable ASCII that begins with a letter or digit, so neither a formula nor white space around it.
const plainText = /^[A-Za-z0-9](?:[ -~]{0,253}[!-~])?$/
// Letters of any script too, at most 2 × 127 + 1 characters of text. Without the capitals with which what a program
// misread begins (`misread.ts`), and without other numbers than digits: it holds ¼ for ü.
const letter = '[^\\P{L}ÃÄÅ]'
const plainName = new RegExp(
  `^(?:${letter}|\\p{Nd})(?:(?:${letter}|[\\p{M}\\p{Nd} .,'’()&/-]){0,125}(?:${letter}|[\\p{M}\\p{Nd}.)]))?$`,
  'u',
)
const plainUrl =
  /^(?=.{1,2048}$)https?:\/\/(?!xn--)(?:[a-z0-9]+(?:-[a-z0-9]+)*\.){1,6}[a-z]{2,20}(?:\/[!-~]{0,1500})?$/
const plainEmail =
  /^(?=.{3,254}$)[A-Za-z0-9](?:\.?[A-Za-z0-9_+-]){0,31}@(?:[A-Za-z0-9](?:-?[A-Za-z0-9]){0,30}\.){1,6}[A-Za-z]{2,20}$/

const profileText = {
  type: 'text',
  rule: 'up to 255 characters',
  schema: textUpTo(255),
  plain: plainName,
  words: true,
  clearable: true,
  profile: true,
} as const

const verifiedFlag = {
  type: 'boolean',
  rule: 'a boolean',
  schema: boolean,
  plain: /^(?:TRUE|FALSE)$/,
  hint: booleanHint,
  clearable: true,
  profile: false,
} as const

const url = {
  type: 'text',
  rule: 'an absolute http or https URL of up to 2048 characters',
  schema: webAddress(2048),
  plain: plainUrl,
  hint: webAddressHint,
  clearable: true,
  profile: true,
} as const

/** A column whose rule is a function of ours. */
const cast = (canonical: Canonical) => ({ canonical, schema: canonicalSchema(canonical) })

const id = /^[A-Za-z0-9_-]{36}$/
const providerTypes = ['Local', 'Google', 'SAML2', 'Provisioned'] as const
const statuses = ['invited', 'active', 'suspended'] as const
const words = (list: readonly string[]): string => `(${list.join(', ')})`

const definitions = [
  {
    name: 'id',
    database: 'id',
    type: 'text',
    rule: 'an id of 36 letters, digits, _ and -',
    schema: () => string().matches(id),
    plain: /^[A-Za-z0-9_][A-Za-z0-9_-]{35}$/,
    clearable: false,
    profile: false,
    hint: (value) =>
      /^[\w.-]{1,20}$/.test(value) ? 'a number or name of your own belongs into slug' : undefined,
    example: 'kZ3vXq0T8mB1nR5sL7wYc9aE2dF4gH6jK_uP',
    description: 'The user’s id, which the service assigns. Blank for a new user.',
  },
  {
    name: 'slug',
    database: 'slug',
    type: 'text',
    rule: '1 to 128 characters without white space',
    schema: () => textUpTo(128)().matches(/^\S+$/),
    plain: /^[A-Za-z0-9][!-~]{0,127}$/,
    clearable: false,
    profile: false,
    example: 'user-1',
    description: 'Your own name or number for the user, unique in the organization whatever its letter case.',
  },
  {
    name: 'providerType',
    database: 'provider_type',
    type: 'text',
    rule: words(providerTypes),
    lists: true,
    schema: oneOf(providerTypes),
    plain: /^(?:Local|Google|SAML2|Provisioned)$/,
    default: 'Provisioned',
    clearable: false,
    profile: false,
    example: 'SAML2',
    description: 'Who authenticates the user.',
  },
  {
    name: 'providerId',
    database: 'provider_id',
    type: 'text',
    rule: 'up to 255 characters',
    schema: textUpTo(255),
    plain: plainText,
    clearable: true,
    profile: false,
    example: 'jackson@idp.example.com',
    description: 'The user’s id at the provider; needs a providerType, and both together are unique.',
  },
  {
    name: 'active',
    database: 'active',
    type: 'boolean',
    rule: 'a boolean',
    schema: boolean,
    plain: /^(?:TRUE|FALSE)$/,
    hint: booleanHint,
    default: 'TRUE',
    clearable: false,
    profile: false,
    example: 'TRUE',
    description: 'Whether the user may use the organization’s portal.',
  },
  {
    name: 'status',
    database: 'status',
    type: 'text',
    rule: words(statuses),
    lists: true,
    schema: oneOf(statuses),
    plain: /^(?:invited|active|suspended)$/,
    default: 'invited',
    clearable: false,
    profile: false,
    example: 'invited',
    description: 'Where the user stands: invited, active or suspended.',
  },
  {
    name: 'email',
    database: 'email',
    type: 'text',
    rule: 'a valid email',
    ...cast(canonicalEmail),
    plain: plainEmail,
    hint: emailHint,
    required: true,
    clearable: false,
    profile: false,
    example: 'anna@example.com',
    description: 'The e-mail address, unique in the organization. A new user needs one.',
  },
  {
    ...verifiedFlag,
    name: 'emailVerified',
    database: 'email_verified',
    example: 'FALSE',
    description: 'Whether the e-mail address is known to be the user’s.',
  },
  {
    name: 'phoneNumber',
    database: 'phone_number',
    type: 'text',
    rule: 'a phone number with + and country code',
    ...cast(canonicalPhoneNumber),
    // No number: whether one is possible depends on its country.
    plain: /^(?!)$/,
    clearable: true,
    profile: false,
    hint: phoneNumberHint,
    example: '+1 415 555 0132',
    description: 'The phone number, stored as E.164.',
  },
  {
    ...verifiedFlag,
    name: 'phoneNumberVerified',
    database: 'phone_number_verified',
    example: 'FALSE',
    description: 'Whether the phone number is known to be the user’s.',
  },
  {
    ...profileText,
    name: 'name',
    database: 'name',
    example: 'Anna G. Belle',
    description: 'The full name as it is displayed.',
  },
  {
    ...profileText,
    name: 'givenName',
    database: 'given_name',
    example: 'Anna',
    description: 'The given name or names.',
  },
  {
    ...profileText,
    name: 'familyName',
    database: 'family_name',
    example: 'Belle',
    description: 'The family name or names.',
  },
  {
    ...profileText,
    name: 'middleName',
    database: 'middle_name',
    example: 'G',
    description: 'The middle name or names.',
  },
  {
    ...profileText,
    name: 'nickName',
    database: 'nick_name',
    example: 'Annie',
    description: 'What the user is called.',
  },
  {
    ...profileText,
    name: 'preferredUsername',
    database: 'preferred_username',
    plain: plainText,
    example: 'anna.belle',
    description: 'The name by which the user wants to be known. Not unique.',
  },
  {
    ...url,
    name: 'profile',
    database: 'profile',
    example: 'https://example.com/people/anna',
    description: 'The user’s profile page.',
  },
  {
    ...url,
    name: 'picture',
    database: 'picture',
    example: 'https://example.com/people/anna.png',
    description: 'A picture of the user.',
  },
  {
    ...url,
    name: 'website',
    database: 'website',
    example: 'https://anna.example.com/',
    description: 'The user’s web site.',
  },
  {
    ...profileText,
    name: 'gender',
    database: 'gender',
    rule: 'up to 64 characters',
    schema: textUpTo(64),
    plain: /^[A-Za-z0-9](?:[ -~]{0,62}[!-~])?$/,
    example: 'Female',
    description: 'The gender, in any words.',
  },
  {
    name: 'birthdate',
    database: 'birthdate',
    type: 'text',
    rule: 'a date as YYYY-MM-DD that exists and has come',
    ...cast(canonicalBirthdate),
    // Days that every month has, in years that have been.
    plain: /^(?:19\d\d|200\d|201\d)-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])$/,
    clearable: true,
    profile: true,
    hint: birthdateHint,
    example: '1990-05-04',
    description: 'The birthday, YYYY-MM-DD (year 0000 when it is withheld) or YYYY.',
  },
  {
    name: 'zoneinfo',
    database: 'zoneinfo',
    type: 'text',
    rule: 'an IANA time zone, such as Europe/Paris',
    ...cast(canonicalTimeZone),
    plain: /^UTC$/,
    clearable: true,
    profile: true,
    example: 'Europe/Paris',
    description: 'The user’s time zone.',
  },
  {
    name: 'locale',
    database: 'locale',
    type: 'text',
    rule: 'a BCP 47 language tag, such as en-US',
    ...cast(canonicalLocale),
    plain: /^(?:en|de|fr|es)$/,
    clearable: true,
    profile: true,
    example: 'en-US',
    description: 'The user’s language.',
  },
  {
    ...profileText,
    name: 'addressLine1',
    database: 'address_line1',
    lineBreaks: true,
    example: '12 High Street',
    description: 'The street address. May hold line breaks.',
  },
  {
    ...profileText,
    name: 'addressLine2',
    database: 'address_line2',
    lineBreaks: true,
    example: 'Apartment 4',
    description: 'More of the street address. May hold line breaks.',
  },
  {
    ...profileText,
    name: 'addressCity',
    database: 'address_city',
    example: 'Springfield',
    description: 'The city or locality.',
  },
  {
    ...profileText,
    name: 'addressState',
    database: 'address_state',
    example: 'IL',
    description: 'The state, province or region.',
  },
  {
    ...profileText,
    name: 'addressPostal',
    database: 'address_postal',
    rule: 'up to 32 characters',
    schema: textUpTo(32),
    plain: /^[A-Za-z0-9](?:[ -~]{0,30}[!-~])?$/,
    example: '62704',
    description: 'The postal code.',
  },
  {
    ...profileText,
    name: 'addressCountry',
    database: 'address_country',
    example: 'US',
    description: 'The country, as a name or a code.',
  },
  {
    name: 'roles',
    database: 'roles',
    type: 'text[]',
    rule: `a valid string list of ${words(roles)}`,
    lists: true,
    ...cast(canonicalRoles),
    plain: /^organization_(?:owner|member|constituent)$/,
    default: 'organization_constituent',
    clearable: false,
    profile: false,
    offending: unknownRoles,
    hint: rolesHint,
    example: 'organization_constituent',
    description: 'What the user may do in the organization: one role or several.',
  },
] as const satisfies readonly ColumnDefinition[]

const definitionsOfCreation = [
  {
    name: 'recoveryEmail',
    database: 'recovery_email',
    type: 'text',
    rule: 'a valid email',
    ...cast(canonicalEmail),
    plain: plainEmail,
    hint: emailHint,
    clearable: false,
    profile: false,
    example: 'anna.belle@example.org',
    description: 'The e-mail address to which the user turns who can’t get at the first one. Not unique.',
  },
  {
    name: 'isMfaDisabled',
    database: 'is_mfa_disabled',
    type: 'boolean',
    rule: 'a boolean',
    schema: boolean,
    plain: /^(?:TRUE|FALSE)$/,
    hint: booleanHint,
    default: 'FALSE',
    clearable: false,
    profile: false,
    example: 'FALSE',
    description: 'Whether the user signs in without a second factor.',
  },
] as const satisfies readonly ColumnDefinition[]

/** The name of a column, as the contract spells it. */
export type ColumnName = (typeof definitions)[number]['name']

/** A column whose name is one of the thirty. */
export interface Column extends ColumnDefinition {
  readonly name: ColumnName
}

/** THE list of columns, in the contract's order. A column is one entry here and a migration. */
export const columns: readonly Column[] = definitions.map((column: Column) => ({
  ...column,
  hint: hintOf(column),
}))

/** The name of a column that is written with a new user and never again. */
export type CreationColumnName = (typeof definitionsOfCreation)[number]['name']

/** A column that is written with a new user and never again. */
export interface CreationColumn extends ColumnDefinition {
  readonly name: CreationColumnName
}

/**
 * The columns that are stored when a user is created, and never looked up nor changed by an import. Only members have
 * them: they stand in no header, template, export or columns.json. Like the others, each is one entry and a migration.
 */
export const creationColumns: readonly CreationColumn[] = definitionsOfCreation

/** The names of the columns, in the contract's order: the header of the template. */
export const columnNames: readonly ColumnName[] = columns.map(({ name }) => name)

/** The place of each column in the list: where its value stands in a user's values. */
export const columnIndex = Object.fromEntries(columnNames.map((name, index) => [name, index])) as Readonly<
  Record<ColumnName, number>
>
