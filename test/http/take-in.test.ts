import { describe, expect, it } from '@jest/globals'
import { ServiceError } from '../../src/errors.ts'
import { Incoming } from '../../src/http/incoming.ts'
import { LatePayload, takeIn } from '../../src/http/take-in.ts'
import type { JobStore } from '../../src/jobs/job.ts'
import type { AbortReason, ReceiptWriter } from '../../src/receipts/receipt.ts'

const broken = new ServiceError(
  'encoding.broken',
  'The upload says that it is gzip, but it ends in the middle.',
)
const unreachable = new ServiceError('database.unreachable', 'The database can not be reached now.')

async function* nothing(): AsyncGenerator<Buffer> {
  // no bytes
}

async function* breaking(): AsyncGenerator<never> {
  await Promise.reject(broken)
}

/** Takes in an upload that breaks; `abort` writes why. */
const taken = (abort: ReceiptWriter['abort']): Promise<void> => {
  const payload = new LatePayload()
  const jobs = { receiving: () => ({ write: () => Promise.resolve(), end: () => Promise.resolve() }) }
  return takeIn({
    jobs: jobs as unknown as JobStore,
    onJob: () => undefined,
    place: { organizationId: 1, id: 'an-import' },
    receipt: { signal: new AbortController().signal, abort } as unknown as ReceiptWriter,
    incoming: new Incoming(nothing(), payload),
    payload,
    rows: breaking(),
  })
}

describe('an upload for a worker that breaks off', () => {
  it('tells its sender why, also where that can not be written', async () => {
    await expect(taken(() => Promise.reject(unreachable))).rejects.toBe(broken)
  })

  it('has a receipt that says why', async () => {
    const reasons: AbortReason[] = []
    await expect(taken((reason) => Promise.resolve(void reasons.push(reason)))).rejects.toBe(broken)
    expect(reasons).toEqual([broken.reason])
  })
})
