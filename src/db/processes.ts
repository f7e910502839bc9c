import type { Knex } from 'knex'
import type { RunningImports } from '../receipts/running-imports.ts'
import { query } from './query.ts'

/** What a process needs to show that it lives, and to notice those that do not. */
export interface ProcessParts {
  /** A connection that nothing else uses: as long as its session lives, so does the process. */
  readonly heartbeat: Knex
  /** The other connections, where that one can't be had. */
  readonly knex: Knex
  readonly processId: string
  readonly running: RunningImports
  /** Whether the database is this process's alone, so that every other has died. */
  readonly alone: boolean
}

// A process without a session is given this long to connect again: it may be that only its connection was cut.
const SECONDS_WITHOUT_SESSION = 10
// Behind a pooler sessions outlive processes.
const SECONDS_UNSEEN = 45
// Whoever was not seen himself for longer may have slept with all the others, who are about to wake.
const SECONDS_STEADY = 20
// An import of this process that does not run any more, though its receipt says so: its last word got lost.
const SECONDS_TO_OPEN = 10

/**
 * Shows the others that this process lives; looks after the imports whose process has died, and own imports
 * whose end could not be written; passes on who is asked to stop. To be called every few seconds.
 *
 * @throws ServiceError `database.unreachable`
 */
export async function beat(parts: ProcessParts): Promise<void> {
  const { heartbeat, knex } = parts
  try {
    await beatOver(heartbeat, parts)
  } catch (error) {
    if (knex === heartbeat) throw error
    await beatOver(knex, parts)
  }
}

async function beatOver(knex: Knex, parts: ProcessParts): Promise<void> {
  const { processId, running } = parts
  const isSteady = await register(knex, processId)
  await buryDead(knex, parts, isSteady)
  const asked = await query<{ id: string }>(
    knex,
    `select id from imports where state = 'running' and stop_requested and process_id = ?::text`,
    [processId],
  )
  for (const { id } of asked) running.stop(id)
}

/**
 * Shows that a process lives, and by which session of the database others can see it.
 *
 * @returns whether it did so a moment ago too
 */
export async function register(knex: Knex, processId: string): Promise<boolean> {
  const [row] = await query<{ steady: boolean | null }>(
    knex,
    `with before as (select seen_at from processes where id = ?::text)
     insert into processes (id, backend, backend_start, seen_at)
     select ?::text, pid, backend_start, clock_timestamp() from pg_stat_activity where pid = pg_backend_pid()
     on conflict (id) do update set backend = excluded.backend, backend_start = excluded.backend_start,
                                    seen_at = excluded.seen_at
     returning (select seen_at > clock_timestamp() - make_interval(secs => ?::integer) from before) as steady`,
    [processId, processId, SECONDS_STEADY],
  )
  return row?.steady === true
}

/** Whether a process, as a row of `processes`, shows signs of life: it was seen, or the session is there that it registered. */
export const isAlive = (process: string): string => `
  (${process}.seen_at >= clock_timestamp() - make_interval(secs => ${SECONDS_WITHOUT_SESSION})
   or exists (select 1 from pg_stat_activity a
               where a.pid = ${process}.backend and a.backend_start = ${process}.backend_start))`

/**
 * A process is dead when the session that it registered is gone and it has not registered another in a while. A
 * restart of the database, or a partition of the network, ends all sessions: so only who has a session of some age
 * himself may say so.
 *
 * Of the imports that it leaves behind those in the background wait for another worker, and the others are aborted.
 */
async function buryDead(
  knex: Knex,
  { processId, running, alone }: ProcessParts,
  isSteady: boolean,
): Promise<void> {
  await query(
    knex,
    `with me as (
       select backend_start,
              ?::boolean and seen_at > clock_timestamp() - make_interval(secs => ?::integer) as steady
         from processes where id = ?::text
     ), dead as (
       delete from processes p using me
        where p.id <> ?::text
          and (?::boolean
               or (me.steady and p.seen_at < clock_timestamp() - make_interval(secs => ?::integer))
               or (me.backend_start < clock_timestamp() - make_interval(secs => ?::integer)
                   and not ${isAlive('p')}))
       returning p.id
     ), orphaned as (
       select i.organization_id, i.id, i.fence from imports i
        where i.state = 'running'
          and (i.process_id in (select id from dead)
               or (i.process_id <> ?::text and not exists (select 1 from processes p where p.id = i.process_id))
               or (i.process_id = ?::text and i.id <> all(string_to_array(?::text, ' '))
                   and coalesce(i.claimed_at, i.created_at) < clock_timestamp() - make_interval(secs => ?::integer)))
     ), given_back as (
       update imports i set state = 'waiting', process_id = null
         from orphaned o where i.organization_id = o.organization_id and i.id = o.id and i.state = 'running'
          and i.fence = o.fence and i.fence > 0
     ), aborted as (
       update imports i set state = 'aborted', ended_at = clock_timestamp(), reason_code = 'process.died',
                            reason = 'The process that ran the import has ended before it was complete.'
         from orphaned o where i.organization_id = o.organization_id and i.id = o.id and i.state = 'running' and i.fence = 0
       returning i.organization_id, i.id
     )
     delete from import_payloads p using aborted a where p.organization_id = a.organization_id and p.import_id = a.id`,
    [
      isSteady,
      // This statement, too, may have waited: for a lock on a whole table, with those of all other processes.
      SECONDS_STEADY,
      processId,
      processId,
      alone,
      SECONDS_UNSEEN,
      SECONDS_WITHOUT_SESSION,
      processId,
      processId,
      running.ids.join(' '),
      SECONDS_TO_OPEN,
    ],
  )
}

/** This process has nothing left to do. */
export async function unregister({ heartbeat, processId }: ProcessParts): Promise<void> {
  await query(heartbeat, 'delete from processes where id = ?::text', [processId])
}
