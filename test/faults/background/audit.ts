import type { DatabaseView } from '../database.ts'

/** A change that the database itself has noted, with the role that made it. */
export interface Noted {
  /** By the clock of the database, in milliseconds. */
  readonly at: number
  readonly who: string
  /** Of an import: that its state has changed, that it was given a chunk, or that it was begun. */
  readonly what: 'state' | 'chunk' | 'attempt'
  readonly job: string
  readonly state: string | null
  readonly fence: number | null
  /** How often it was begun without getting anywhere; of an attempt. */
  readonly attempts: number | null
}

// The service knows nothing of it: whatever it says of itself can be held against this.
const tables = `
  create table audit (
    number bigserial primary key, at timestamptz not null default clock_timestamp(), who text not null,
    what text not null, organization_id integer, import_id text, state text, fence integer, attempts integer);
  create index on audit (import_id, number);
  create function audit_state() returns trigger language plpgsql as $$ begin
    insert into audit (who, what, organization_id, import_id, state, fence)
    values (session_user, 'state', new.organization_id, new.id, new.state, new.fence);
    return null;
  end $$;
  create function audit_chunk() returns trigger language plpgsql as $$ begin
    insert into audit (who, what, organization_id, import_id)
    values (session_user, 'chunk', new.organization_id, new.import_id);
    return null;
  end $$;
  create function audit_attempt() returns trigger language plpgsql as $$ begin
    insert into audit (who, what, organization_id, import_id, attempts)
    values (session_user, 'attempt', new.organization_id, new.import_id, new.attempts);
    return null;
  end $$;
  create trigger audit_state after update of state on imports
    for each row when (old.state is distinct from new.state or old.fence <> new.fence)
    execute function audit_state();
  create trigger audit_begin after insert on imports for each row execute function audit_state();
  create trigger audit_chunk after insert on import_chunks for each row execute function audit_chunk();
  create trigger audit_attempt after update on import_jobs
    for each row when (old.attempts <> new.attempts) execute function audit_attempt()`

/** Has the database note who changes the state of an import, and who stores chunks. */
export async function startAudit(database: DatabaseView): Promise<void> {
  await database.query(tables)
}

/** What was noted, in the order in which it happened. */
export function auditOf(database: DatabaseView): Promise<readonly Noted[]> {
  return database.query<Noted>(
    `select (extract(epoch from at) * 1000)::float8 as at, who, what, organization_id || ' ' || import_id as job,
            state, fence, attempts
       from audit order by number`,
  )
}

/** Whether a worker, or any where none is named, has an import that runs. */
export async function isAtWork(database: DatabaseView, who?: string): Promise<boolean> {
  const rows = await database.query<{ who: string }>(
    `select a.who from imports i cross join lateral (
       select who from audit where import_id = i.id and what = 'state' order by number desc limit 1) a
      where i.state = 'running' and i.fence > 0`,
  )
  return rows.some((row) => who === undefined || row.who === who)
}
