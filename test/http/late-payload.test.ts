import { describe, expect, it } from '@jest/globals'
import { LatePayload } from '../../src/http/take-in.ts'
import type { PayloadWriter } from '../../src/jobs/job.ts'

/** Keeps what it is given. */
function keeping(): PayloadWriter & { readonly kept: string[] } {
  const kept: string[] = []
  return {
    kept,
    write: (bytes) => Promise.resolve(void kept.push(bytes.toString())),
    end: () => Promise.resolve(void kept.push('end')),
  }
}

describe('the payload of an upload that nobody waits for', () => {
  it('is held back until it is known where it is to be kept, and then kept in order', async () => {
    const late = new LatePayload()
    await late.write(Buffer.from('a'))
    await late.write(Buffer.from('b'))
    const writer = keeping()
    await late.begin(writer)
    await late.write(Buffer.from('c'))
    await late.end()
    expect(writer.kept).toEqual(['a', 'b', 'c', 'end'])
  })

  it('is not held in memory once nobody wants it', async () => {
    const late = new LatePayload()
    await late.write(Buffer.from('a'))
    await late.close()
    await late.write(Buffer.from('b'))
    const writer = keeping()
    await late.begin(writer)
    expect(writer.kept).toEqual([])
  })
})
