import { describe, expect, it } from '@jest/globals'
import { bySize, read } from './reading.ts'

describe('the dialect', () => {
  it.each([
    ['id,email\n1,a;b\n', ',', '\n'],
    ['id;email\r\n1;a\r\n', ';', '\r\n'],
    ['id\temail\r1\ta\r', '\t', '\r'],
    ['id|email\n1|a\n', '|', '\n'],
    ['email\n1;a\n', ',', '\n'],
    ['"id,;","email"\n', ',', '\n'],
    ['"a;b;c;d",id,email\n', ',', '\n'],
    ['"id";"e-mail"\r\n"1";"a"\r\n', ';', '\r\n'],
    ['"first;\nname;";id;email\n', ';', '\n'],
    ['a|b|c|d;id;email\n', ';', '\n'],
  ])('of %j is told from its header', async (upload, delimiter, lineEnd) => {
    for (const pieces of [[upload], bySize(Buffer.from(upload), 1)]) {
      const { header } = await read(pieces, { echoUnknown: true })
      expect(header).toMatchObject({ delimiter, lineEnd })
    }
  })

  it.each(['sep=;\n', '"sep=;"\r\n', 'SEP=,\r', '#TYPE System.Object\r\n', '"#TYPE X"\n', '\uFEFFsep=;\n'])(
    'skips a first line %j',
    async (first) => {
      const { header, rows } = await read(`${first}id;email\n1;"a\n`)
      expect(header.names).toEqual(['id', 'email'])
      expect(rows).toMatchObject([
        { number: 2, cells: ['1', '"a'], faults: [{ code: 'row.unclosed_quote' }] },
      ])
      expect(rows[0]?.faults[0]?.message).toContain('on line 3 ')
    },
  )

  it('takes every mix of line ends', async () => {
    const { cells } = await read('id,slug\r\n1,2\n3,4\r5,6\r\n\n\r\r\n"7\r\n8",9\r\r\n10,11')
    expect(cells).toEqual([['1', '2'], ['3', '4'], ['5', '6'], [], [], [], ['7\r\n8', '9'], [], ['10', '11']])
  })

  it('notices a byte-order mark, and takes another for a character', async () => {
    const { header, cells } = await read('\uFEFFid,slug\n\uFEFF1,2\n')
    expect(header).toMatchObject({ bom: true, names: ['id', 'slug'] })
    expect(cells).toEqual([['\uFEFF1', '2']])
    expect((await read('id\n')).header.bom).toBe(false)
  })

  it('lets rows of a file without LF out before it ends', async () => {
    const { rows } = await read(['id\r1', '\r2\r', '3', '\r4'])
    expect(rows.map(({ cells }) => cells[0])).toEqual(['1', '2', '3', '4'])
  })
})
