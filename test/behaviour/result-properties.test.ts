import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { idOf, receiptOf, resultOf, upload } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

const piece = fc.constantFrom(
  '"',
  '""',
  ',',
  ';',
  '\t',
  '|',
  '\n',
  '\r',
  '\r\n',
  'a',
  'b@example.com',
  ' ',
  "'",
  '=1+1',
  '\u0000',
  '\u001F',
  'é',
  '😀',
  '\u2028',
  '\u00A0',
  '\u200B',
  '\\',
  'null',
  '\uFEFF',
)
const cell = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(''))
const names = ['slug', 'email', 'addressLine1', 'note'] as const

interface NdjsonRow {
  readonly row: number
  readonly disposition: string
  readonly id: string | null
  readonly faults: readonly unknown[]
  readonly cells: Readonly<Record<string, string>>
}

describe('the result of an import, whatever is in its cells', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it('is the answer byte for byte, and has each cell as it was sent', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell, cell, cell), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.constantFrom('', '\uFEFF'),
        fc.constantFrom(
          '',
          '&return=id',
          '&only=invalid',
          '&dryRun=true',
          '&strict=true',
          '&dispositions=detailed&return=id',
        ),
        async (rows, delimiter, lineEnd, bom, options) => {
          await service.knex('users').delete()
          const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
          const body = bom + [names, ...rows].map((row) => row.map(quoted).join(delimiter) + lineEnd).join('')
          const query = `unknown=echo${options}`
          const answer = await upload(service, body, { query })
          expect([200, 422]).toContain(answer.status)
          const result = await resultOf(service, idOf(answer))
          expect(result.bytes.equals(answer.bytes)).toBe(true)
          expect(result.trailers).toEqual(answer.trailers)

          const headers = { Accept: 'application/x-ndjson' }
          const lines = (await resultOf(service, idOf(answer), { headers })).text.split('\n').slice(0, -1)
          const read = lines.map((line) => JSON.parse(line) as NdjsonRow)
          const { counts } = await receiptOf(service, idOf(answer))
          if (!options.includes('only')) expect(read).toHaveLength(rows.length)
          expect(counts['rows']).toBe(rows.length)
          for (const { row, cells, disposition, faults, id } of read) {
            const sent = rows[row - 2]!
            expect(names.map((name) => cells[name])).toEqual([...sent])
            expect(faults.length > 0).toBe(disposition === 'invalid')
            const hasId =
              ['imported', 'created', 'updated', 'unchanged'].includes(disposition) &&
              !options.includes('dryRun')
            expect(id === null).toBe(!hasId)
          }
        },
      ),
      { numRuns: 150 },
    )
  })
})
