import { describe, expect, it } from '@jest/globals'
import { stringify } from 'csv-stringify/sync'
import fc from 'fast-check'
import type { AnnotatedRow } from '../../src/import/row.ts'
import { emailRequired, unknownId, type Fault } from '../../src/users/faults.ts'
import { csvAnswer, header, plain } from '../support/answer.ts'
import { read } from './reading.ts'

function annotated(cells: readonly string[], more: Partial<AnnotatedRow> = {}): AnnotatedRow {
  const id = more.disposition === undefined ? 'new-id' : null
  const row = { number: 2, cells, faults: [] }
  return { row, disposition: 'created', faults: [], id, changed: [], ...more }
}

const invalid = (cells: readonly string[], ...faults: Fault[]): AnnotatedRow =>
  annotated(cells, { disposition: 'invalid', faults })

describe('the answer as CSV', () => {
  it('says what was wrong with an invalid row, whose cells stay as they were', () => {
    const writer = csvAnswer(header(['id', 'email', 'roles']), plain)
    expect(writer.rows([invalid(['x', ' '], unknownId('x'), emailRequired())])).toBe(
      'invalid,"Validation error: id must be the id of a user of this organization, but has x ' +
        '(leave id blank to create a user); email is required for a new user",x, ,\n',
    )
  })

  it('leaves a skipped row as it was', () => {
    const writer = csvAnswer(header(['id', 'status']), { ...plain, returnId: true })
    expect(writer.rows([annotated([], { disposition: 'skipped' })])).toBe('skipped,,,\n')
  })

  it('fills what the service decided of a new user', () => {
    const columns = ['roles', 'id', 'name', 'status', 'active', 'providerType'] as const
    const writer = csvAnswer(header(columns), plain)
    expect(writer.rows([annotated([' ']), annotated(['', '', 'N', '', 'no', 'Local'])])).toBe(
      'imported,,organization_constituent,new-id,,invited,TRUE,Provisioned\n' +
        'imported,,organization_constituent,new-id,N,invited,no,Local\n',
    )
  })

  it('fills only the id of a user who was there', () => {
    const writer = csvAnswer(header(['id', 'status', 'email']), { ...plain, detailed: true })
    const rows = [
      annotated(['', '', 'a'], { disposition: 'updated', id: 'b' }),
      annotated(['c', '', 'a'], { disposition: 'unchanged', id: 'c' }),
    ]
    expect(writer.rows(rows)).toBe('updated,,b,,a\nunchanged,,c,,a\n')
  })

  it('adds the id if it is asked for and was not sent', () => {
    const writer = csvAnswer(header(['email']), { ...plain, returnId: true })
    expect(writer.head() + writer.rows([annotated(['a']), invalid(['b'])])).toBe(
      'disposition,errors,id,email\nimported,,new-id,a\ninvalid,,,b\n',
    )
    expect(csvAnswer(header(['id']), { ...plain, returnId: true }).head()).toBe('disposition,errors,id\n')
  })

  it('leaves out good rows if only invalid ones are asked for', () => {
    const writer = csvAnswer(header(['email']), { ...plain, onlyInvalid: true })
    expect(writer.rows([annotated(['a']), invalid(['b']), annotated([], { disposition: 'skipped' })])).toBe(
      'invalid,,b\n',
    )
    expect(writer.rows([annotated(['a'])])).toBe('')
  })

  it('has the dialect of the upload', () => {
    const dialect = { names: ['e;mail', 'a\nb'], delimiter: ';', lineEnd: '\r\n', bom: true } as const
    const writer = csvAnswer(header(['email', undefined], dialect), plain)
    expect(writer.head() + writer.rows([invalid(['1;2', 'x,y'])])).toBe(
      '\uFEFFdisposition;errors;"e;mail";"a\nb"\r\ninvalid;;"1;2";x,y\r\n',
    )
  })

  it('is what csv-stringify writes, and reads as what was sent', async () => {
    const cell = fc
      .array(fc.constantFrom('a', '"', ',', ';', '|', '\t', '\n', '\r', ' ', '=', 'é'))
      .map((all) => all.join(''))
    const rows = fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 })
    const dialects = fc.record({
      delimiter: fc.constantFrom(',', ';', '\t', '|'),
      lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
      bom: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(rows, dialects, async (table, dialect) => {
        const writer = csvAnswer(header(['id', 'slug', 'email'], dialect), plain)
        const text = writer.head() + writer.rows(table.map((cells) => invalid(cells)))
        const options = {
          delimiter: dialect.delimiter,
          record_delimiter: dialect.lineEnd,
          quoted_match: /[\r\n]/,
        }
        const all = [
          ['disposition', 'errors', 'id', 'slug', 'email'],
          ...table.map((cells) => ['invalid', '', ...cells]),
        ]
        expect(text).toBe((dialect.bom ? '\uFEFF' : '') + stringify(all, options))
        const again = await read(text)
        expect(again.header).toMatchObject({ names: ['id', 'slug', 'email'], ...dialect })
        expect(again.cells).toEqual(table)
      }),
      { numRuns: 500 },
    )
  })
})
