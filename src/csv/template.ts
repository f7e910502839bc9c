import { columnNames, type ColumnName } from '../users/columns.ts'

type Example = Partial<Readonly<Record<ColumnName, string>>>

const common: Example = {
  active: 'TRUE',
  emailVerified: 'FALSE',
  phoneNumberVerified: 'FALSE',
  roles: 'organization_constituent',
}

const examples: readonly Example[] = [
  {
    ...common,
    slug: 'user-1',
    providerType: 'Provisioned',
    status: 'invited',
    email: 'anna@example.com',
    givenName: 'Anna',
    familyName: 'Belle',
    middleName: 'G',
    nickName: 'Anna',
    gender: 'Female',
  },
  {
    ...common,
    slug: 'user-2',
    providerType: 'Local',
    status: 'active',
    email: 'bob@example.com',
    givenName: 'Robert',
    familyName: 'Smith',
    nickName: 'Bob',
    gender: 'Male',
  },
  {
    ...common,
    slug: 'user-3',
    providerType: 'Google',
    status: 'active',
    email: 'sue@example.com',
    givenName: 'Susan',
    familyName: 'Jones',
    nickName: 'Suzzy',
    gender: 'Female',
  },
  {
    ...common,
    slug: 'user-4',
    providerType: 'SAML2',
    status: 'active',
    email: 'saml.jackson@example.com',
    emailVerified: 'TRUE',
    givenName: 'Saml',
    familyName: 'Jackson',
    nickName: 'Sso',
    gender: 'Non-binary',
  },
]

/** The header of all columns and four example rows, as CSV. An owner can post it as it is. */
export function template(): string {
  const rows = examples.map((example) => columnNames.map((name) => example[name] ?? ''))
  // No cell of it needs quotes.
  return [columnNames, ...rows].map((cells) => `${cells.join(',')}\n`).join('')
}
