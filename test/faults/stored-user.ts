/** The contract's columns without `id`, as the table `users` has them. */
export const storedColumns = [
  ...['slug', 'provider_type', 'provider_id', 'active', 'status', 'email', 'email_verified'],
  ...['phone_number', 'phone_number_verified', 'name', 'given_name', 'family_name', 'middle_name'],
  ...['nick_name', 'preferred_username', 'profile', 'picture', 'website', 'gender', 'birthdate'],
  ...['zoneinfo', 'locale', 'address_line1', 'address_line2', 'address_city', 'address_state'],
  ...['address_postal', 'address_country', 'roles'],
]

/** What is stored in each column; those that are not named are empty. */
export type Values = Readonly<Record<string, string | boolean | readonly string[] | null>>

/** A user who is put into the table. */
export interface SeededRow {
  readonly organization: number
  readonly id: string
  readonly values: Values
}

/** A user as he stands in the table. */
export interface StoredUser {
  readonly organization: number
  readonly id: string
  /** Everything of {@link storedColumns}, as {@link stateOf} writes it. */
  readonly state: string
  readonly email: string
  readonly slug: string | null
}

const defaults: Values = {
  provider_type: 'Provisioned',
  active: true,
  status: 'invited',
  email_verified: false,
  phone_number_verified: false,
  roles: ['organization_constituent'],
}

/** The columns of a user as one text, so that two can be compared. */
export function stateOf(values: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(storedColumns.map((column) => values[column] ?? defaults[column] ?? null))
}
