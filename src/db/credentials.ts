import type { Knex } from 'knex'
import type {
  Credential,
  CredentialDirectory,
  CredentialRegister,
  NewCredential,
  StoredCredential,
} from '../auth/credentials.ts'
import { promptly } from './persevere.ts'
import { query, type ResultRow } from './query.ts'

/** What the directory is made with. */
export interface CredentialDirectoryParts {
  readonly knex: Knex
  /** Hears that the last use of a credential could not be kept. */
  readonly onFailure: (error: unknown) => void
}

/** The credentials in PostgreSQL, for those who are asked to let a program in. */
export function createCredentialDirectory({
  knex,
  onFailure,
}: CredentialDirectoryParts): CredentialDirectory {
  const keeping = new Set<string>()
  return {
    find: async (secretSha256) =>
      (await promptly(() => select(knex, 'c.secret_sha256 = ?::bytea', [secretSha256])))[0],
    keepUse: (credential) => {
      const age = Date.now() - (credential.lastUsedAt?.getTime() ?? 0)
      if (age < MINUTE || keeping.has(credential.id)) return
      keeping.add(credential.id)
      void keepUse(knex, credential)
        .catch(onFailure)
        .finally(() => keeping.delete(credential.id))
    },
  }
}

const MINUTE = 60_000

/** Other processes keep it too: whoever comes first in a minute does. */
async function keepUse(knex: Knex, { organizationId, id }: Credential): Promise<void> {
  await query(
    knex,
    `update credentials set last_used_at = clock_timestamp()
      where organization_id = ?::integer and id = ?::text
        and coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)`,
    [organizationId, id],
  )
}

/** The credentials in PostgreSQL, for those who administer them. */
export function createCredentialRegister(knex: Knex): CredentialRegister {
  return {
    add: (credential) => add(knex, credential),
    list: async (organization) => {
      if (organization === undefined) return select(knex, 'true', [])
      const found = await query(knex, 'select 1 from organizations where slug = ?::text', [organization])
      return found.length === 0 ? undefined : select(knex, 'o.slug = ?::text', [organization])
    },
    revoke: async (id) => {
      const sql = `
        update credentials set revoked_at = coalesce(revoked_at, clock_timestamp()) where id = ?::text`
      await query(knex, sql, [id])
      return (await select(knex, 'c.id = ?::text', [id]))[0]
    },
  }
}

async function add(
  knex: Knex,
  { organization, id, kind, role, secretSha256, contact, expiresAt }: NewCredential,
): Promise<Credential | undefined> {
  await query(
    knex,
    `insert into credentials (organization_id, id, kind, role, secret_sha256, contact, expires_at)
     select organization_id, ?::text, ?::text, ?::text, ?::bytea, ?::text, ?::timestamptz
       from organizations where slug = ?::text`,
    [id, kind, role, secretSha256, contact ?? null, expiresAt.toISOString(), organization],
  )
  return (await select(knex, 'c.secret_sha256 = ?::bytea', [secretSha256]))[0]
}

interface CredentialRow extends ResultRow {
  readonly organization_id: number
  readonly slug: string
  readonly id: string
  readonly kind: Credential['kind']
  readonly role: Credential['role']
  readonly secret_sha256: Buffer
  readonly contact: string | null
  readonly created_at: Date
  readonly expires_at: Date
  readonly revoked_at: Date | null
  readonly last_used_at: Date | null
}

async function select(
  knex: Knex,
  condition: string,
  parameters: readonly (string | Buffer)[],
): Promise<readonly StoredCredential[]> {
  const rows = await query<CredentialRow>(
    knex,
    `select c.*, o.slug from credentials c join organizations o using (organization_id)
      where ${condition} order by o.slug, c.created_at, c.id`,
    parameters,
  )
  return rows.map((row) => ({
    id: row.id,
    organizationId: row.organization_id,
    organization: row.slug,
    kind: row.kind,
    role: row.role,
    secretSha256: row.secret_sha256,
    contact: row.contact ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  }))
}
