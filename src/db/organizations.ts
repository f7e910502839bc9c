import type { Knex } from 'knex'
import type { OrganizationDirectory } from '../auth/organization-directory.ts'
import { RefusedStart } from '../errors.ts'
import { promptly } from './persevere.ts'
import { query } from './query.ts'

/** An organization that is to exist. */
export interface WantedOrganization {
  readonly slug: string
  /** The next free one where it is not given. */
  readonly id?: number | undefined
}

/** The organizations in PostgreSQL. */
export function createOrganizationDirectory(knex: Knex): OrganizationDirectory {
  return {
    idOf: async (slug) => {
      const sql = 'select organization_id as id from organizations where slug = ?::text'
      return (await promptly(() => query<{ id: number }>(knex, sql, [slug])))[0]?.id
    },
  }
}

/** An organization is wanted under an id, or an id for an organization, that is another's already. */
export class OrganizationConflict extends RefusedStart {
  override readonly name = 'OrganizationConflict'
}

/**
 * Makes the organizations that do not exist yet.
 *
 * @throws OrganizationConflict If one exists under another id, or an id is another organization's
 */
export async function makeOrganizations(knex: Knex, wanted: readonly WantedOrganization[]): Promise<void> {
  for (const { slug, id } of wanted) await makeOrganization(knex, slug, id ?? null)
}

async function makeOrganization(knex: Knex, slug: string, id: number | null): Promise<void> {
  await query(
    knex,
    `insert into organizations (organization_id, slug)
     select coalesce(?::integer, (select coalesce(max(organization_id), 0) + 1 from organizations)), ?::text
     on conflict do nothing`,
    [id, slug],
  )
  const found = await query<{ id: number }>(
    knex,
    'select organization_id as id from organizations where slug = ?::text',
    [slug],
  )
  if (found[0] === undefined || (id !== null && found[0].id !== id)) {
    throw new OrganizationConflict(
      `ORGANIZATIONS asks for ${slug}:${id ?? ''}, but ` +
        (found[0] === undefined ? 'another organization has this id.' : `${slug} has the id ${found[0].id}.`),
    )
  }
}
