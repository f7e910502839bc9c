import type { Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'
import { basicOf, makeCredential, type CredentialFor } from './credentials.ts'
import { exchange, jsonOf, type Asked, type Exchange, type ExchangeOptions } from './receipts.ts'
import type { TokenFor } from './service.ts'
import { PATIENCE } from './until.ts'

/** What is needed to import members. */
export interface MembersAsked extends Asked {
  readonly knex: Knex
}

/** Header fields that say who calls. */
export type Caller = Readonly<Record<string, string>>

/** Somebody with a token, who calls through a program: owners of helping-hands both, where nothing else is said. */
export async function programOf(
  service: MembersAsked,
  claims: TokenFor = {},
  credential: CredentialFor = {},
): Promise<Caller> {
  const token = await service.token({ email: 'asker@example.com', ...claims })
  const { secret } = await makeCredential(service.knex, { organization: claims.organization, ...credential })
  return { Authorization: `Bearer ${token}`, ApplicationToken: secret }
}

/** A program that calls for itself. */
export async function programAlone(service: MembersAsked, wanted: CredentialFor = {}): Promise<Caller> {
  const { credential, secret } = await makeCredential(service.knex, { ...wanted, kind: 'basic' })
  return { Authorization: basicOf(credential.id, secret) }
}

export const membersPath = '/v1/organizations/1/members/import'

/** The body of an import of members; `id` is drawn where it is not given. */
export function membersBody(newMembers: readonly object[], envelope: Readonly<Record<string, unknown>> = {}) {
  return {
    id: `import-${(number += 1)}`,
    importDate: '2026-05-04T10:15:00Z',
    importFilename: 'members.json',
    importingUserId: 'nobody',
    organizationId: 1,
    newMembers,
    ...envelope,
  }
}

let number = 0

/** One request of a caller; a body is JSON where nothing else is said. */
export function ask(service: Asked, caller: Caller, options: ExchangeOptions = {}): Promise<Exchange> {
  const type = options.body === undefined ? {} : { 'Content-Type': 'application/json' }
  return exchange(service, {
    path: membersPath,
    ...options,
    token: '',
    headers: { ...type, ...caller, ...options.headers },
  })
}

/** Posts an import of members. */
export function postBody(
  service: Asked,
  caller: Caller,
  body: object | string | Buffer,
  options: ExchangeOptions = {},
): Promise<Exchange> {
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  return ask(service, caller, { method: 'POST', ...options, body: bytes })
}

/** Posts members and gives the `Location` of their import. */
export async function postMembers(
  service: Asked,
  caller: Caller,
  newMembers: readonly object[],
  envelope: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return locationOf(await postBody(service, caller, membersBody(newMembers, envelope)))
}

/** Where an import that was accepted is found. */
export function locationOf({ status, text, headers }: Exchange): string {
  if (status !== 202) throw new Error(`${status}: ${text}`)
  return String(headers.location)
}

/** An import of members as it is answered. */
export interface MembersImportJson {
  readonly id: string
  readonly importId: string
  readonly state: 'waiting' | 'running' | 'finished' | 'aborted' | 'failed'
  readonly reason?: { readonly code: string; readonly detail: string }
  readonly progress: {
    readonly rowsDone: number
    readonly rowsTotal: number
    readonly rowsPerSecond: number | null
    readonly startedAt: string | null
    readonly attempts: number
    readonly trouble: string | null
  }
  readonly counts: Readonly<Record<string, number>>
  readonly caller: string
  readonly createdAt: string
  readonly endedAt: string | null
  readonly fileName: string
  readonly result: string | null
  readonly resultDeletedAt: string | null
  readonly letters: readonly {
    readonly kind: string
    readonly state: string
    readonly failure: unknown
  }[]
}

/** How far an import has come. */
export async function importAt(service: Asked, caller: Caller, location: string): Promise<MembersImportJson> {
  const answer = await ask(service, caller, { path: location })
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`)
  return jsonOf(answer) as unknown as MembersImportJson
}

/** Waits until something is so. */
export async function eventually<T>(
  look: () => Promise<T>,
  isSo: (seen: T) => boolean,
  patience = PATIENCE,
): Promise<T> {
  const end = Date.now() + patience
  for (;;) {
    const seen = await look()
    if (isSo(seen)) return seen
    if (Date.now() > end) throw new Error(`Waited in vain: ${JSON.stringify(seen)}`)
    await setTimeout(50)
  }
}

/** Waits until an import is as wanted. */
export function untilImport(
  service: Asked,
  caller: Caller,
  location: string,
  isWanted: (seen: MembersImportJson) => boolean = hasEnded,
): Promise<MembersImportJson> {
  return eventually(() => importAt(service, caller, location), isWanted)
}

export const hasEnded = ({ state }: MembersImportJson): boolean => state !== 'waiting' && state !== 'running'

/** One member of a result. */
export interface MemberAnswer {
  readonly member: number
  readonly disposition: string
  readonly id: string | null
  readonly faults: readonly {
    readonly column: string
    readonly code: string
    readonly message: string
    readonly value: string
  }[]
  readonly emailAddress: string | null
  readonly [property: string]: unknown
}

/** The members of an import that has ended, with what became of each. */
export async function resultAt(
  service: Asked,
  caller: Caller,
  location: string,
): Promise<readonly MemberAnswer[]> {
  const { status, text } = await ask(service, caller, { path: `${location}/result` })
  if (status !== 200) throw new Error(`${status}: ${text}`)
  return (JSON.parse(text) as { members: MemberAnswer[] }).members
}

/** Posts members, waits for the end of their import, and gives its result. */
export async function imported(
  service: Asked,
  caller: Caller,
  newMembers: readonly object[],
  envelope: Readonly<Record<string, unknown>> = {},
): Promise<readonly MemberAnswer[]> {
  const location = await postMembers(service, caller, newMembers, envelope)
  await untilImport(service, caller, location)
  return resultAt(service, caller, location)
}

/** Members with numbered addresses. */
export const numberedMembers = (from: number, to: number, name = 'Given'): { emailAddress: string }[] =>
  Array.from({ length: to - from }, (_, index) => ({
    emailAddress: `m-${from + index}@example.com`,
    givenName: `${name} ${from + index}`,
  }))

/**
 * Holds imports before a chunk: the database refuses it. A held import tries again for half a minute.
 *
 * @param from - the number of the first chunk that is held; the first of all is 0
 * @param state - the SQLSTATE by which it does. Default: it has no room
 * @returns what lets them go on
 */
export async function holdImports(knex: Knex, from = 0, state = '53100'): Promise<() => Promise<void>> {
  await knex.raw(`
    create or replace function hold_chunk() returns trigger language plpgsql as
    $$ begin raise exception using errcode = '${state}', message = 'held'; end $$`)
  await knex.raw(`
    create trigger held before insert on import_chunks
      for each row when (new.number >= ${from}) execute function hold_chunk()`)
  return async () => {
    await knex.raw('drop trigger if exists held on import_chunks')
  }
}
