import type { Knex } from 'knex'
import type { HistoryPage, HistoryQuery, Receipt, ReceiptScope } from '../receipts/receipt.ts'
import { selectReceipts } from './receipt-rows.ts'

type Condition = readonly [sql: string, ...parameters: (string | number)[]]

/** Which receipts somebody may see; what is left out does not matter. */
type Scope = Pick<ReceiptScope, 'organizationId'> & Partial<ReceiptScope>

function conditionsOf({ organizationId, kind, caller }: Scope): readonly Condition[] {
  return [
    ['organization_id = ?::integer', organizationId],
    ...(kind === undefined ? [] : [['kind = ?::text', kind] as const]),
    ...(caller === undefined ? [] : [['caller = ?::text', caller] as const]),
  ]
}

async function select(
  knex: Knex,
  conditions: readonly Condition[],
  rest: string,
  ...parameters: (string | number)[]
) {
  const where = conditions.map(([sql]) => sql).join(' and ')
  const given = conditions.flatMap(([, ...own]) => own)
  return selectReceipts(knex, `where ${where} ${rest}`, [...given, ...parameters])
}

/** The receipt of an import, by its id. */
export async function findById(knex: Knex, scope: Scope, id: string): Promise<Receipt | undefined> {
  return (await select(knex, [...conditionsOf(scope), ['id = ?::text', id]], ''))[0]?.receipt
}

/** The receipt of an import by a key of its caller's; see `ReceiptStore.findByKey`. */
export async function findByKey(
  knex: Knex,
  scope: ReceiptScope,
  caller: string,
  key: string,
): Promise<Receipt | undefined> {
  const conditions: readonly Condition[] = [...conditionsOf(scope), ['idempotency_key = ?::text', key]]
  const order = 'order by caller = ?::text desc, created_at desc, id desc limit 1'
  return (await select(knex, conditions, order, caller))[0]?.receipt
}

/** A page of the history. */
export async function history(
  knex: Knex,
  scope: ReceiptScope,
  { limit, before, idempotencyKey }: HistoryQuery,
): Promise<HistoryPage> {
  const conditions: readonly Condition[] = [
    ...conditionsOf(scope),
    ...(idempotencyKey === undefined ? [] : [['idempotency_key = ?::text', idempotencyKey] as const]),
    ...(before === undefined
      ? []
      : [['(created_at, id) < (?::timestamptz, ?::text)', before.createdAt, before.id] as const]),
  ]
  const order = 'order by created_at desc, id desc limit ?::integer'
  const found = await select(knex, conditions, order, limit + 1)
  const page = found.slice(0, limit)
  const last = found.length > limit ? page.at(-1) : undefined
  return {
    receipts: page.map(({ receipt }) => receipt),
    next: last === undefined ? undefined : { createdAt: last.createdAt, id: last.receipt.id },
  }
}
