import { setTimeout } from 'node:timers/promises'
import { get, importPath, type Target } from './client.ts'
import type { Answer } from './oracle/answer.ts'

/** What the service keeps of an import, as it answers it. */
export interface Receipt {
  readonly id: string
  readonly state: string
  /** All numbers of the answer by their names, those of an object inside it too. */
  readonly numbers: Readonly<Record<string, number>>
}

const POLL_MILLISECONDS = 50

/** The receipt of this id, or `undefined` where the service has none. */
export async function receiptOf(target: Target, id: string): Promise<Receipt | undefined> {
  const { status, body } = await get(target, `${importPath}/${id}`)
  return status === 200 ? asReceipt(JSON.parse(body.toString())) : undefined
}

/** The receipt of the import that was sent with this key, or `undefined` where there is none. */
export async function receiptOfKey(target: Target, key: string): Promise<Receipt | undefined> {
  const { status, body } = await get(target, `${importPath}?idempotencyKey=${encodeURIComponent(key)}`)
  if (status !== 200) return undefined
  const answer: unknown = JSON.parse(body.toString())
  const list = Array.isArray(answer) ? answer : Object.values(Object(answer) as object).find(Array.isArray)
  return Array.isArray(list) && list.length > 0 ? asReceipt(list[0]) : undefined
}

/** The receipt as soon as its import runs no more, or as it is when the patience (milliseconds) is at its end. */
export async function endedReceipt(
  target: Target,
  id: string,
  patience: number,
): Promise<Receipt | undefined> {
  const end = Date.now() + patience
  for (;;) {
    const receipt = await receiptOf(target, id)
    if (receipt?.state !== 'running' || Date.now() > end) return receipt
    await setTimeout(POLL_MILLISECONDS)
  }
}

/** The result that is kept, as CSV. */
export function resultOf(target: Target, id: string): Promise<Answer> {
  return get(target, `${importPath}/${id}/result.csv`)
}

/** A receipt out of its JSON. */
export function asReceipt(answer: unknown): Receipt {
  const fields = Object(answer) as Record<string, unknown>
  const numbers: Record<string, number> = {}
  for (const [name, value] of Object.entries(fields)) {
    const inner =
      typeof value === 'object' && value !== null ? Object.entries(value) : [[name, value] as const]
    for (const [innerName, one] of inner) if (typeof one === 'number') numbers[innerName] = one
  }
  return { id: String(fields['id']), state: String(fields['state']), numbers }
}
