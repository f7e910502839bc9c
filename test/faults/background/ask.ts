import { setTimeout } from 'node:timers/promises'
import type { Answer } from '../oracle/answer.ts'
import { importPath } from '../client.ts'
import { Members } from './members.ts'
import type { Wanted } from './wanted.ts'
import type { Caller, Workshop } from './workshop.ts'

const PATIENCE = 120_000
const PAUSE = 200
const STATUSES_TO_TRY_AGAIN = [429, 503]

/** An import that was taken in. */
export interface Commissioned extends Wanted {
  readonly caller: Caller
  /** The path of its receipt. */
  readonly location: string
}

/**
 * Hands imports in: those of an organization one after the other, those of several at the same time. What is refused for
 * now is sent again, as a careful client does.
 *
 * @throws Error If one is refused for good
 */
export async function handIn(
  workshop: Workshop,
  wanted: readonly Wanted[],
): Promise<readonly Commissioned[]> {
  const taken = new Map<Wanted, Commissioned>()
  const oneAfterTheOther = async (caller: Caller): Promise<void> => {
    for (const one of wanted) {
      if (one.organization !== caller.organization) continue
      taken.set(one, { ...one, caller, location: await handInOne(workshop, caller, one) })
    }
  }
  await Promise.all(workshop.callers.map(oneAfterTheOther))
  return wanted.map((one) => taken.get(one)!)
}

/** @returns the path of the receipt */
export async function handInOne(workshop: Workshop, caller: Caller, wanted: Wanted): Promise<string> {
  const asked = requestOf(caller, wanted)
  const end = Date.now() + PATIENCE
  for (;;) {
    const answer = await fetch(workshop.address + asked.path, asked.options).catch(() => undefined)
    const text = (await answer?.text().catch(() => '')) ?? ''
    const location = answer?.headers.get('location')
    if (answer?.status === 202 && typeof location === 'string') return location
    const isForNow = answer === undefined || STATUSES_TO_TRY_AGAIN.includes(answer.status)
    if (!isForNow || Date.now() > end)
      throw new Error(`${wanted.key} was answered ${answer?.status}: ${text}`)
    await setTimeout(PAUSE)
  }
}

function requestOf({ organization, bearer, basic }: Caller, { key, strict, what }: Wanted) {
  if (what instanceof Members) {
    const headers = { Authorization: basic, 'Content-Type': 'application/json' }
    const path = `/v1/organizations/${organization}/members/import`
    return { path, options: { method: 'POST', headers, body: what.body(key) } }
  }
  const headers = {
    Authorization: bearer,
    'Content-Type': 'text/csv',
    'Idempotency-Key': key,
    Prefer: strict ? 'respond-async, handling=strict' : 'respond-async',
  }
  return { path: importPath, options: { method: 'POST', headers, body: what.bytes() } }
}

/** Asks for something of an import, with its caller's rights; tries again while the service can't answer. */
export async function askFor(
  workshop: Workshop,
  { caller, what }: Commissioned,
  path: string,
  accept = '*/*',
): Promise<Answer> {
  const Authorization = what instanceof Members ? caller.basic : caller.bearer
  const end = Date.now() + PATIENCE
  for (;;) {
    const answer = await fetch(workshop.address + path, { headers: { Authorization, Accept: accept } }).catch(
      () => undefined,
    )
    const body = await answer?.arrayBuffer().catch(() => undefined)
    const isForNow = answer === undefined || body === undefined || answer.status === 503
    if (isForNow && Date.now() < end) {
      await setTimeout(PAUSE)
      continue
    }
    return {
      status: answer?.status ?? 0,
      headers: Object.fromEntries(answer?.headers ?? []),
      trailers: {},
      body: Buffer.from(body ?? new ArrayBuffer(0)),
      ending: body === undefined ? 'broken' : 'complete',
    }
  }
}
