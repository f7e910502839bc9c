import type { Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'
import { createOutbox, letterStatuses } from '../../src/db/letters.ts'
import { createPostman, type Postman, type PostmanParts } from '../../src/mail/postman.ts'
import type { PostmanTimes } from '../../src/mail/postman-times.ts'
import { createSmtpCarrier } from '../../src/mail/smtp.ts'
import type { LetterKind, LetterStatus } from '../../src/receipts/letter.ts'
import { factsOf, serverAt } from './letters.ts'

/** A letter that is written into the outbox; all of it has a default. */
export interface NewLetter {
  readonly importId?: string
  readonly kind?: LetterKind
  readonly recipient?: string
}

/** Writes a letter as whoever ends an import does. */
export async function writeLetter(knex: Knex, letter: NewLetter = {}): Promise<void> {
  const { importId = 'import-1', kind = 'finished', recipient = 'anna@example.org' } = letter
  await knex.raw(
    `insert into letters (organization_id, import_id, kind, recipient)
     values (1, ?::text, ?::text, ?::text) on conflict do nothing`,
    [importId, kind, recipient],
  )
}

/** How far the letter about an import has come. */
export async function statusOf(knex: Knex, id = 'import-1'): Promise<LetterStatus> {
  const [status] = await letterStatuses(knex, { organizationId: 1, id })
  if (status === undefined) throw new Error(`There is no letter about ${id}`)
  return status
}

/** Waits until the letter about an import is as wanted. */
export async function untilStatus(
  knex: Knex,
  wanted: (status: LetterStatus) => boolean,
  id = 'import-1',
): Promise<LetterStatus> {
  for (let left = 3_000; left > 0; left -= 1) {
    const status = await statusOf(knex, id)
    if (wanted(status)) return status
    await setTimeout(10)
  }
  throw new Error(`Waited in vain: ${JSON.stringify(await statusOf(knex, id))}`)
}

export const isSent = ({ state }: LetterStatus): boolean => state === 'sent'
export const isFailed = ({ state }: LetterStatus): boolean => state === 'failed'

/** As in the service, but that nothing takes long. */
export const quick: Partial<PostmanTimes> = { look: 20, pauses: [20] }

/** What was logged: the level, the fields and the words. */
export type Logged = readonly [level: string, fields: Readonly<Record<string, unknown>>, words: string]

/** A postman of the tests, and what he logged. Imports are made up for him. */
export function postmanOf(
  knex: Knex,
  port: number,
  more: Partial<PostmanParts> = {},
): Postman & { readonly logged: readonly Logged[] } {
  const logged: Logged[] = []
  const line =
    (level: string) =>
    (fields: unknown, words?: unknown): void => {
      logged.push([level, fields as Logged[1], String(words)])
    }
  const from = { name: 'Rollcall', address: 'rollcall@example.com' }
  const postman = createPostman({
    letters: createOutbox(knex),
    imports: { read: ({ id }) => Promise.resolve(factsOf({ importId: id })) },
    carrier: createSmtpCarrier({ server: serverAt(port), from }),
    domain: 'example.com',
    link: ({ importId }) => `https://portals.example.com/imports/${importId}`,
    log: { info: line('info'), warn: line('warn') },
    times: quick,
    ...more,
  })
  return Object.assign(postman, { logged })
}
