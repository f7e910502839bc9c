import type { Knex } from 'knex'
import { makeCredential as make, type Credential, type CredentialKind } from '../../src/auth/credentials.ts'
import { createCredentialRegister } from '../../src/db/credentials.ts'

/** What a credential of the tests is; all of it has a default. */
export interface CredentialFor {
  readonly organization?: string | undefined
  readonly kind?: CredentialKind
  readonly role?: Credential['role']
  readonly contact?: string | undefined
  /** How many seconds it lives from now. */
  readonly seconds?: number
}

/** Makes a credential: an owner's of helping-hands for the header ApplicationToken, good for an hour. */
export async function makeCredential(
  knex: Knex,
  { organization, kind, role, contact, seconds }: CredentialFor = {},
): Promise<{ credential: Credential; secret: string }> {
  const made = await make(createCredentialRegister(knex), {
    organization: organization ?? 'helping-hands',
    kind: kind ?? 'application',
    role: role ?? 'organization_owner',
    contact,
    expiresAt: new Date(Date.now() + (seconds ?? 3_600) * 1_000),
  })
  return made!
}

/** The value of an `Authorization: Basic` header. */
export const basicOf = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
