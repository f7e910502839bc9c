import { describe, expect, it } from '@jest/globals'
import type { Row } from '../../src/import/row.ts'
import { bySize, codes, messages, read } from './reading.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

const replaced = /[\uFFFD\uDC80-\uDCFF]/

/** The rows, the same in one piece and byte by byte. */
async function rowsOf(upload: string): Promise<Row[]> {
  const { rows } = await read(latin1(upload))
  expect((await read(bySize(latin1(upload), 1))).rows).toEqual(rows)
  return rows
}

describe('an undecodable byte in a record with a misplaced quote', () => {
  it.each([
    ['after a closing quote', 'email,name\n"a"\xEFb,x\n', 'row.text_after_quote'],
    ['before a closing quote', 'email,name\n"a\xEF"b,x\n', 'row.text_after_quote'],
    ['in a quote that is never closed', 'email,name\n"a\xEFb,x\n', 'row.unclosed_quote'],
    ['in a quote that is never closed, at the end', 'email,name\nx,"a\xEF', 'row.unclosed_quote'],
    ['in a quote whose lines follow', 'email,name\n"a\xEFb,x\nc,d\ne,f\n', 'row.unclosed_quote'],
    [
      'far from its beginning',
      `email,name\n"${'a'.repeat(95)}\xEF${'b'.repeat(300)},x\n`,
      'row.unclosed_quote',
    ],
  ])('%s is an escape in every sentence and value', async (_where, upload, code) => {
    const [row] = await rowsOf(upload)
    expect(codes(row)).toContain(code)
    const sentences = messages(row)
    for (const sentence of sentences) expect(sentence).toContain('\\xEF')
    for (const { value } of row!.faults) expect(value).toContain('\\xEF')
    expect(JSON.stringify(row)).not.toMatch(replaced)
    expect(sentences.join()).not.toMatch(replaced)
    expect(row!.cells.join()).toContain('\\xEF')
    expect(row!.cells.join()).not.toMatch(replaced)
  })

  it('is an escape each where there are several', async () => {
    const [row, next] = await rowsOf('email,name\n"\xE4"\xF6\xFC,\xDF\nc,d\n')
    const sentence = messages(row).find((each) => each.includes('quote that ends'))
    expect(sentence).toContain('but has "\\xE4"\\xF6\\xFC')
    expect(row!.cells).toEqual(['"\\xE4"\\xF6\\xFC', '\\xDF'])
    expect(next).toMatchObject({ cells: ['c', 'd'], faults: [] })
  })

  it('leaves a replacement character that was sent', async () => {
    const upload = Buffer.concat([Buffer.from('email,name\n"\uFFFD"'), latin1('\xEFb,x\n')])
    const { rows } = await read(upload)
    expect(rows[0]!.cells).toEqual(['"\uFFFD"\\xEFb', 'x'])
    expect(messages(rows[0]).find((each) => each.includes('quote that ends'))).toContain('"\uFFFD"\\xEFb')
  })
})
