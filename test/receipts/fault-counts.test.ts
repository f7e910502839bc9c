import { describe, expect, it } from '@jest/globals'
import { faultCounts } from '../../src/receipts/fault-counts.ts'

type Row = readonly (readonly [code: string, column: string | null])[]

const chunkOf = (...rows: readonly Row[]) => ({
  notes: Buffer.from(
    JSON.stringify({
      dispositions: 'i'.repeat(rows.length),
      invalid: rows.map((faults, row) => [
        row,
        0,
        0,
        faults.map(([code, column]) => ({ code, column, message: 'never read', value: 'secret' })),
      ]),
      changed: [],
    }),
  ),
})

async function* streamed<T>(...items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item)
}

describe('faultCounts', () => {
  it('counts nothing where nothing is invalid', async () => {
    expect(await faultCounts(streamed())).toEqual([])
    expect(await faultCounts(streamed(chunkOf()))).toEqual([])
  })

  it('counts by code and column over all chunks, the most frequent first, without values', async () => {
    const counts = await faultCounts(
      streamed(
        chunkOf(
          [['email.invalid', 'email']],
          [
            ['roles.invalid', 'roles'],
            ['email.invalid', 'email'],
          ],
        ),
        chunkOf([['row.surplus', null]], [['email.unique', 'email']], [['email.invalid', 'email']]),
      ),
    )
    expect(counts).toEqual([
      { code: 'email.invalid', column: 'email', count: 3 },
      { code: 'email.unique', column: 'email', count: 1 },
      { code: 'roles.invalid', column: 'roles', count: 1 },
      { code: 'row.surplus', column: null, count: 1 },
    ])
  })
})
