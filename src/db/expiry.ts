import type { Knex } from 'knex'
import { query } from './query.ts'
import { eraseResult } from './receipts.ts'
import { inTransaction } from './transaction.ts'

/** How long, and up to how many bytes of an organization, results are kept. */
export interface Keeping {
  readonly days: number
  readonly bytesPerOrganization: number
}

// So many at a time, that no transaction of it is long.
const AT_ONCE = 20

/**
 * Deletes the results that are too old, and the oldest of organizations that keep too many bytes. The counts stay.
 *
 * @returns how many results were deleted; if any, there may be more
 * @throws ServiceError `database.unreachable`
 */
export async function eraseExpired(knex: Knex, { days, bytesPerOrganization }: Keeping): Promise<number> {
  const expired = await query<{ organization_id: number; id: string }>(
    knex,
    `select organization_id, id from (
       select organization_id, id, ended_at, state,
              sum(result_bytes) over (partition by organization_id order by created_at desc, id desc) as kept
         from imports where erased_at is null
     ) results
      where state not in ('waiting', 'running') and (kept > ?::float8 or ended_at < now() - make_interval(days => ?::integer))
      limit ?::integer`,
    [bytesPerOrganization, days, AT_ONCE],
  )
  for (const { organization_id: organizationId, id } of expired) {
    await inTransaction(knex, (trx) => eraseResult(trx, { organizationId, id }))
  }
  return expired.length
}
