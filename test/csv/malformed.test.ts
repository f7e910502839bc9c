import { describe, expect, it } from '@jest/globals'
import { RecordReader } from '../../src/csv/record-reader.ts'
import { bySize, codes, messages, read } from './reading.ts'

/** The cells and the kinds of faults of every row, the same in one piece and byte by byte. */
async function outcome(upload: string) {
  const { rows } = await read(upload)
  expect((await read(bySize(Buffer.from(upload), 1))).rows).toEqual(rows)
  return rows.map((row) => [...row.cells, ...codes(row).map((code) => `!${code}`)])
}

describe('text after a closing quote', () => {
  it('makes its row faulty, with its cells as they stand', async () => {
    expect(await outcome('id,slug\n"abc"def,x\n1,2\n')).toEqual([
      ['"abc"def', 'x', '!row.text_after_quote'],
      ['1', '2'],
    ])
  })

  it('is a fault of its row whatever the width of the next', async () => {
    expect(await outcome('id,slug,email\n"abc"d"e"f,"x\n""y",z\n1\n')).toEqual([
      ['"abc"d"e"f', 'x\n"y', 'z\n1', '!row.text_after_quote'],
    ])
    expect(await outcome('id,slug,email\n"abc" ,x\n1\n')).toEqual([
      ['"abc" ', 'x', '!row.text_after_quote'],
      ['1'],
    ])
  })

  it('names the line of the quote that closes', async () => {
    const { rows } = await read('id,slug\r\n"a\r\nb","c"d\r\n1,2')
    expect(rows.map(({ cells }) => cells)).toEqual([
      ['a\r\nb', '"c"d'],
      ['1', '2'],
    ])
    expect(messages(rows[0])).toEqual([
      'row must have a delimiter after the quote that ends a value on line 3, but has "c"d ' +
        '(a quote inside a value is written twice)',
    ])
  })
})

describe('a quote that is closed lines later, before text', () => {
  it('makes only its line faulty if the next one has the width of the header', async () => {
    expect(await outcome('id,slug,email\na,"b,c\n\nd,e,f\ng,"h",i\n')).toEqual([
      ['a', '"b', 'c', '!row.unclosed_quote'],
      [],
      ['d', 'e', 'f'],
      ['g', 'h', 'i'],
    ])
    expect(await outcome('id,slug,email\na,"b,c\nd,e,f\ng,"h",i"\n')).toHaveLength(3)
  })

  it('answers every line where every line has such a quote', async () => {
    const lines = Array.from({ length: 9 }, (_, index) => `${index},"Bob,x\n`)
    expect(await outcome(`id,slug,email\n${lines.join('')}`)).toEqual(
      lines.map((_, index) => [String(index), '"Bob', 'x', '!row.unclosed_quote']),
    )
  })

  it('takes lines along until one reads as a record of the width of the header', async () => {
    expect(await outcome('id,slug,email\na,"b\nc\n\nd"e,f\n\n1,"2\n2",3\n4,5,6\n')).toEqual([
      ['a', '"b\nc\n\nd"e', 'f', '!row.text_after_quote'],
      [],
      ['1', '2\n2', '3'],
      ['4', '5', '6'],
    ])
  })
})

describe('a quote that is never closed', () => {
  it('makes only its line faulty if the next one has the width of the header', async () => {
    expect(await outcome('id,slug\n1,2\n3,"4\n5,6\n\n7')).toEqual([
      ['1', '2'],
      ['3', '"4', '!row.unclosed_quote'],
      ['5', '6'],
      [],
      ['7'],
    ])
  })

  it('makes everything after it one faulty row otherwise', async () => {
    expect(await outcome('id,slug\n1,2\n3,"4\n5\n7,8\n')).toEqual([
      ['1', '2'],
      ['3', '"4\n5\n7,8', '!row.unclosed_quote'],
    ])
  })

  it('is a fault of the last line if nothing follows', async () => {
    expect(await outcome('id,slug\n3,"4\n')).toEqual([['3', '"4', '!row.unclosed_quote']])
    expect(await outcome('id,slug\n3,"4')).toEqual([['3', '"4', '!row.unclosed_quote']])
    expect(await outcome('id,slug\n3,"')).toEqual([['3', '"', '!row.unclosed_quote']])
  })

  it('is named with its line', async () => {
    const { rows } = await read('id,slug\n"1\n",2\n3,"4\n5,6\n')
    expect(messages(rows[1])[0]).toMatch(/the quote that opens on line 4 is never closed, and has "4$/)
  })
})

describe('a malformed record that goes on with a line over the limit', () => {
  it('has no blank line after it where that line comes apart from its end', () => {
    const reader = new RecordReader({ delimiter: ',', width: 3, line: 2 })
    const pieces = ['"a\nb"c\n', 'x'.repeat(1_100_000), '\n1,2,3\n']
    const cells = [...pieces.map((piece) => reader.read(piece, false)), reader.end()].flatMap(
      (records) => records.cells,
    )
    expect(cells).toEqual([[expect.stringMatching(/^"a\nb"c\nx+$/)], ['1', '2', '3']])
  })
})
