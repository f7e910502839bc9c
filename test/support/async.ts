import type { Knex } from 'knex'
import { importPath, type TokenFor } from './service.ts'
import { exchange, receiptOf, upload, type Asked, type Exchange, type ReceiptJson } from './receipts.ts'
import { setTimeout } from 'node:timers/promises'

/** The receipt of an import in the background. */
export interface JobJson extends Omit<ReceiptJson, 'state'> {
  readonly state: 'waiting' | 'running' | 'finished' | 'aborted' | 'failed'
  readonly progress?: {
    readonly rowsDone: number
    readonly rowsTotal: number | null
    readonly rowsPerSecond: number | null
    readonly startedAt: string | null
    readonly attempts: number
    readonly trouble: string | null
  }
  readonly letters?: readonly { readonly kind: string; readonly state: string }[]
}

/** Somebody to whom a letter can be sent. */
export const anna: TokenFor = { subject: 'anna', email: 'anna@example.com' }

/** An upload by `POST` that nobody waits for. */
export function uploadLater(
  service: Asked,
  body: string | Uint8Array,
  { query = '', ...options }: Parameters<typeof upload>[2] = {},
): Promise<Exchange> {
  const asked = query === '' ? 'async=true' : `${query}&async=true`
  return upload(service, body, { claims: anna, ...options, query: asked })
}

export const jobOf = async (service: Asked, id: string): Promise<JobJson> => await receiptOf(service, id)

export const hasEnded = ({ state }: Pick<JobJson, 'state'>): boolean =>
  state !== 'waiting' && state !== 'running'

/** Waits until an import is as wanted; by default, until nothing more becomes of it. */
export async function untilJob(
  service: Asked,
  id: string,
  wanted: (job: JobJson) => boolean = hasEnded,
  patience = 120_000,
): Promise<JobJson> {
  const end = Date.now() + patience
  for (;;) {
    const job = await jobOf(service, id)
    if (wanted(job)) return job
    if (Date.now() > end) throw new Error(`Waited in vain for ${id}: ${JSON.stringify(job)}`)
    await setTimeout(50)
  }
}

export const remove = (service: Asked, id: string): Promise<Exchange> =>
  exchange(service, { method: 'DELETE', path: `${importPath}/${id}` })

/** Keeps all workers from an organization, as if one of its jobs ran for ever; the end lets them go on. */
export async function holdJobs(knex: Knex, organizationId = 1): Promise<() => Promise<void>> {
  const id = `held-${organizationId}`
  // Of another kind than is listed, and begun by the service so late that it need not know of it.
  await knex.raw(
    `insert into imports (organization_id, id, state, kind, mode, caller, request, form, process_id, fence, claimed_at)
     select ?::integer, ?::text, 'running', 'members', 'each', 'nobody', '{}', '{"columns":[]}', id, 1,
            now() + interval '1 hour'
       from processes order by seen_at desc limit 1`,
    [organizationId, id],
  )
  return async () => {
    await knex('imports').where({ id }).delete()
  }
}
