import { createHash } from 'node:crypto'
import type { Answer } from '../oracle/answer.ts'
import type { Awaited } from '../oracle/mail.ts'
import { asReceipt, type Receipt } from '../receipts.ts'
import { askFor, type Commissioned } from './ask.ts'
import { Members } from './members.ts'
import type { Workshop } from './workshop.ts'

/** A user as he is stored, everything of him but his times. */
export interface KeptUser {
  readonly organization: number
  readonly id: string
  readonly email: string
  readonly values: Readonly<Record<string, unknown>>
}

/** What an import has come to. */
export interface Outcome {
  readonly commissioned: Commissioned
  readonly receipt: Receipt | undefined
  /** The whole answer about it. */
  readonly told: Readonly<Record<string, unknown>>
  /** What became of its rows, in the form of the question. */
  readonly result: Answer
  /** SHA-256 in base64 of the result as CSV, whose digest is stored. */
  readonly digest: string
  /** As it is stored. */
  readonly storedDigest: string | null
}

/** Asks for the receipt and the result of every import. */
export async function outcomesOf(
  workshop: Workshop,
  jobs: readonly Commissioned[],
): Promise<readonly Outcome[]> {
  const digests = await workshop.database.query<{ id: string; digest: string | null }>(
    'select id, answer_digest as digest from imports',
  )
  const digestOf = new Map(digests.map(({ id, digest }) => [id, digest]))
  const outcomes: Outcome[] = []
  for (const commissioned of jobs) {
    const { location, what } = commissioned
    const isMembers = what instanceof Members
    const answer = await askFor(workshop, commissioned, location)
    const told = answer.status === 200 ? (JSON.parse(answer.body.toString()) as Outcome['told']) : {}
    const path = isMembers ? `${location}/result` : `${location}/result.csv`
    const result = await askFor(workshop, commissioned, path, isMembers ? 'application/json' : '*/*')
    const csv = isMembers ? await askFor(workshop, commissioned, path, 'text/csv') : result
    outcomes.push({
      commissioned,
      receipt: answer.status === 200 ? asReceipt(told) : undefined,
      told,
      result,
      digest: createHash('sha256').update(csv.body).digest('base64'),
      storedDigest: digestOf.get(String(told['importId'] ?? told['id'])) ?? null,
    })
  }
  return outcomes
}

/** The letter that has to come about an import. */
export function awaitedFor({ commissioned, told }: Pick<Outcome, 'commissioned' | 'told'>): Awaited {
  const { location, organization } = commissioned
  const id = String(told['importId'] ?? told['id'])
  const paths = [...new Set([location, location.replace(/[^/]+$/, id)])]
  return { paths, recipient: `contact-${organization}@letters.example` }
}

/** All users of all organizations. */
export async function usersOf({ database }: Workshop): Promise<readonly KeptUser[]> {
  const rows = await database.query<{ id: string; organization_id: number; values: KeptUser['values'] }>(
    `select organization_id, id, to_jsonb(u) - '{id,organization_id,created_at,updated_at}'::text[] as values
       from users u order by organization_id, email_key`,
  )
  return rows.map(({ id, organization_id: organization, values }) => ({
    organization,
    id,
    values,
    email: String(values['email']),
  }))
}
