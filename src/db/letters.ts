import type { Knex } from 'knex'
import type { ClaimedLetter, Outbox } from '../mail/outbox.ts'
import type { LetterKind, LetterStatus } from '../receipts/letter.ts'
import type { ImportPlace } from '../receipts/receipt.ts'
import { persevere, promptly } from './persevere.ts'
import { execute, query, type Parameter, type ResultRow } from './query.ts'

/** The letters in PostgreSQL. */
export function createOutbox(knex: Knex): Outbox {
  const mark = async (sql: string, parameters: readonly Parameter[]): Promise<void> => {
    await persevere(() => execute(knex, sql, parameters))
  }
  return {
    claim: ({ limit, lease, domain }) =>
      // One statement, so no connection is held while letters travel. An answer that gets lost costs the lease.
      promptly(async () => (await query<ClaimedRow>(knex, claiming, [limit, lease, domain])).map(claimedOf)),
    sent: (letter) =>
      mark(
        `update letters set state = 'sent', sent_at = clock_timestamp(), failure_code = null, failure = null
          where state <> 'sent' and ${isLetter}`,
        keyOf(letter),
      ),
    postpone: (letter, { code, detail }, pause) =>
      mark(
        `update letters set failure_code = ?::text, failure = ?::text,
                            next_attempt_at = clock_timestamp() + ?::float8 * interval '1 millisecond'
          where ${isOurs}`,
        [code, detail, pause, ...keyOf(letter), letter.attempts],
      ),
    giveUp: (letter, { code, detail }) =>
      mark(`update letters set state = 'failed', failure_code = ?::text, failure = ?::text where ${isOurs}`, [
        code,
        detail,
        ...keyOf(letter),
        letter.attempts,
      ]),
  }
}

const isLetter = 'organization_id = ?::integer and import_id = ?::text and kind = ?::text'

/** Each claim counts an attempt, so its number says whose claim it is. */
const isOurs = `${isLetter} and state = 'waiting' and attempts = ?::integer`

const keyOf = ({ organizationId, importId, kind }: ClaimedLetter) => [organizationId, importId, kind] as const

// The message id is drawn once, from what tells letters apart; an import's id may be any text.
const claiming = `
  with due as materialized (
    select organization_id, import_id, kind from letters
     where state = 'waiting' and next_attempt_at <= clock_timestamp()
     order by next_attempt_at limit ?::integer for update skip locked
  )
  update letters l
     set attempts = attempts + 1, next_attempt_at = clock_timestamp() + ?::float8 * interval '1 millisecond',
         message_id = coalesce(message_id, concat(
           l.kind, '.', l.organization_id, '.',
           left(encode(sha256(convert_to(l.import_id, 'UTF8')), 'hex'), 32), '@', ?::text))
    from due
   where l.organization_id = due.organization_id and l.import_id = due.import_id and l.kind = due.kind
  returning l.organization_id, l.import_id, l.kind, l.recipient, l.message_id, l.attempts,
            (extract(epoch from clock_timestamp() - l.created_at) * 1000)::float8 as age`

interface ClaimedRow extends ResultRow {
  readonly organization_id: number
  readonly import_id: string
  readonly kind: LetterKind
  readonly recipient: string
  readonly message_id: string
  readonly attempts: number
  readonly age: number
}

function claimedOf(row: ClaimedRow): ClaimedLetter {
  const { organization_id: organizationId, import_id: importId, message_id: messageId, ...rest } = row
  return { organizationId, importId, messageId, ...rest }
}

interface StatusRow extends ResultRow {
  readonly kind: LetterKind
  readonly state: LetterStatus['state']
  readonly attempts: number
  readonly sent_at: Date | null
  readonly failure_code: string | null
  readonly failure: string | null
}

/**
 * The letters about an import, the oldest first; none where it has not ended, or is one that nobody is written about.
 *
 * @throws ServiceError `database.unreachable`
 */
export async function letterStatuses(
  knex: Knex,
  { organizationId, id }: ImportPlace,
): Promise<readonly LetterStatus[]> {
  const rows = await query<StatusRow>(
    knex,
    `select kind, state, attempts, sent_at, failure_code, failure from letters
      where organization_id = ?::integer and import_id = ?::text order by created_at, kind`,
    [organizationId, id],
  )
  return rows.map(({ kind, state, attempts, sent_at: sentAt, failure_code: code, failure }) => ({
    kind,
    state,
    attempts,
    sentAt: sentAt ?? undefined,
    failure: code === null ? undefined : { code, detail: failure ?? '' },
  }))
}
