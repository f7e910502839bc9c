import { createHash } from 'node:crypto'
import type { Receipt } from '../receipts.ts'
import type { Answer, Reported } from './answer.ts'
import { Complaints, type Complaint } from './complaint.ts'

/** What is known of an import whose answer a client got, whole or in part. */
export interface Kept {
  /** What the client got. */
  readonly answer: Answer
  readonly receipt: Receipt | undefined
  /** What the service kept. */
  readonly result: Answer
  /** What the kept result says. */
  readonly reported: Reported
}

/** Checks that what is kept of an import is what its client got, and what the result says. */
export function checkReceipt({ answer, receipt, result, reported }: Kept): readonly Complaint[] {
  const complaints = new Complaints()
  if (receipt === undefined) {
    complaints.add('receipt', 'an import that has answered has no receipt')
    return complaints.all
  }
  if (!['finished', 'aborted'].includes(receipt.state))
    complaints.add('receipt', `the import has ended, and its receipt is ${receipt.state}`)
  if (answer.status === 200 && answer.ending === 'complete' && receipt.state !== 'finished')
    complaints.add('receipt', `the answer was complete, and the receipt is ${receipt.state}`)
  if (result.status !== 200 || result.ending !== 'complete')
    complaints.add('receipt', `the result is answered ${result.status}, ${result.ending}`)
  const state = result.headers['import-state']
  if (receipt.state === 'aborted' && state !== 'aborted')
    complaints.add('receipt', `the result of an aborted import has Import-State ${state ?? 'left out'}`)
  compareBytes(complaints, answer, result, receipt.state)
  compareCounts(complaints, receipt, reported)
  return complaints.all
}

function compareBytes(complaints: Complaints, answer: Answer, result: Answer, state: string): void {
  if (answer.status !== 200) return
  const whole = answer.ending === 'complete' && state === 'finished'
  const part = result.body.subarray(0, whole ? undefined : answer.body.length)
  if (!part.equals(answer.body)) {
    const at = part.findIndex((byte, index) => byte !== answer.body[index])
    complaints.add('receipt', `the result is not what the client got: byte ${at === -1 ? part.length : at}`)
  }
}

function compareCounts(complaints: Complaints, { numbers }: Receipt, { counts, answered }: Reported): void {
  for (const [name, count] of Object.entries({ rows: answered, ...counts })) {
    const kept = numbers[name]
    if (kept === undefined && count === 0) continue
    if (kept !== count)
      complaints.add('receipt', `it counts ${kept ?? 'nothing'} as ${name}, the result ${count}`)
  }
}

/** Checks the trailers of a complete answer, where it has any. */
export function checkTrailers(
  { trailers, body, ending }: Answer,
  { counts }: Reported,
): readonly Complaint[] {
  const complaints = new Complaints()
  if (ending !== 'complete') return []
  const digest = trailers['repr-digest']
  const own = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
  if (digest !== undefined && digest !== own)
    complaints.add('receipt', `Repr-Digest is ${digest}, not ${own}`)
  const summary = trailers['import-summary']
  for (const [name, count] of Object.entries(counts)) {
    if (summary?.split(', ').includes(`${name}=${count}`) === false)
      complaints.add('receipt', `Import-Summary is ${summary}, but ${name} are ${count}`)
  }
  return complaints.all
}

/** Checks that a repeated request was answered with the very same bytes. */
export function checkReplay(first: Answer, again: Answer): readonly Complaint[] {
  const same = again.status === 200 && again.ending === 'complete' && again.body.equals(first.body)
  if (same) return []
  const what = `the same key was answered ${again.status}, ${again.ending}, with other bytes`
  return [{ property: 'idempotency', what }]
}
