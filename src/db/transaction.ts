import type { Knex } from 'knex'
import { ServiceError } from '../errors.ts'
import { query } from './query.ts'
import { asServiceError } from './trouble.ts'

/**
 * Runs `work` in a transaction and commits it; rolls back where it throws, or where `commits` says so of what it
 * gave.
 *
 * @throws ServiceError `database.unreachable` If the database can't be reached; where the connection is lost
 *   during COMMIT nobody can say whether it was committed
 */
export async function inTransaction<T>(
  knex: Knex,
  work: (trx: Knex.Transaction) => Promise<T>,
  commits: (result: T) => boolean = () => true,
): Promise<T> {
  const trx = await begin(knex)
  try {
    const result = await work(trx)
    if (commits(result)) await commit(trx)
    return result
  } finally {
    // The error that ended it counts, not that of a rollback over a connection that is gone.
    if (!trx.isCompleted()) await trx.rollback().catch(() => undefined)
  }
}

async function begin(knex: Knex): Promise<Knex.Transaction> {
  try {
    return await knex.transaction()
  } catch (error) {
    throw asServiceError(error)
  }
}

async function commit(trx: Knex.Transaction): Promise<void> {
  try {
    await trx.commit()
    // commit() itself resolves even where COMMIT has failed; this is the promise that tells.
    await trx.executionPromise
  } catch (error) {
    throw asServiceError(error)
  }
}

const organizationGone = (): ServiceError =>
  new ServiceError('organization.unknown', 'The organization was deleted while its users were imported.')

/**
 * Locks the organization's row until the transaction ends, so the next import of the organization sees all of this
 * batch, and the organization can't be deleted under it. (A foreign key would ask that again for every user, at
 * a fifth of what storing him costs.)
 */
export async function lockOrganization(trx: Knex.Transaction, organizationId: number): Promise<void> {
  const lock = 'select 1 from organizations where organization_id = ?::integer for no key update'
  if ((await query(trx, lock, [organizationId])).length === 0) throw organizationGone()
}
