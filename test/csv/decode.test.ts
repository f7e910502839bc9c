import { describe, expect, it } from '@jest/globals'
import { utf8 } from '../../src/csv/charset.ts'
import { decode } from '../../src/csv/decode.ts'
import { isDamaged, withEscapes } from '../../src/csv/escapes.ts'
import { likelyCharset } from '../../src/csv/likely-charset.ts'
import { bySize, codes, messages, read, refusal } from './reading.ts'

const upload = (text: string): Buffer => Buffer.from(text, 'latin1')

describe('bytes that are not UTF-8', () => {
  it('are refused in the header line', async () => {
    const error = await refusal(upload('id,Größe\n1,2\n'))
    expect(error).toMatchObject({ code: 'csv.header' })
    expect(error.message).toContain('windows-1252')
  })

  it('are a fault of their row and stand in it as escapes', async () => {
    const { rows } = await read(upload('id,slug,"givenName"\n1,2,"Jos\xE9"\n\xE9,"\xFF,",x\n1,2,3\n'))
    expect(rows.map((row) => [row.cells, codes(row)])).toEqual([
      [['1', '2', 'Jos\\xE9'], ['givenName.undecodable']],
      [
        ['\\xE9', '\\xFF,', 'x'],
        ['id.undecodable', 'slug.undecodable'],
      ],
      [['1', '2', '3'], []],
    ])
    expect(messages(rows[0])[0]).toContain(
      'givenName must be UTF-8, but has Jos\\xE9 (the file is likely windows-1252',
    )
  })

  it('are found at every place, in every piece', async () => {
    const good = Buffer.from('id,slug\naé,"語𝒳"\nb,c\n')
    for (let at = 8; at <= good.length; at += 1) {
      for (const bad of [0xff, 0xc3, 0x80, 0xed]) {
        const bytes = Buffer.concat([good.subarray(0, at), Buffer.from([bad]), good.subarray(at)])
        const { rows } = await read(bytes)
        expect((await read(bySize(bytes, 1))).rows).toEqual(rows)
        const text = rows.map(({ cells }) => cells.join()).join()
        expect(isDamaged(text)).toBe(false)
        expect(text).not.toContain('\uFFFD')
        expect(rows.flatMap(codes).some((code) => code.endsWith('.undecodable'))).toBe(true)
      }
    }
  })

  it('become text in such a way that nothing is lost', () => {
    for (const text of ['\xC0\x80', '\xED\xA0\x80', '\xF4\x90\x80\x80', '\xE2\x82', 'a\xF0\x9F\x92b']) {
      const escaped = withEscapes(decode(upload(text)).text)
      expect(escaped.replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))).toBe(
        text,
      )
      expect(escaped).toMatch(/^a?(\\x[0-9A-F]{2})+b?$/)
    }
  })

  it('hint at a charset of two bytes where they come in pairs', () => {
    const guess = (...bytes: number[]): string => likelyCharset(decode(Buffer.from(bytes)).text, utf8) ?? ''
    expect(guess(0x83, 0x65, 0x83, 0x58, 0x83, 0x67)).toBe('shift_jis')
    expect(guess(0xa4, 0xb3, 0xa4, 0xab)).toBe('euc-jp')
    expect(guess(0xb1, 0xe8, 0xc3, 0xb6)).toBe('euc-kr')
    expect(guess(0xd5, 0xc5, 0xce, 0xb0)).toBe('gb18030')
    expect(guess(0x4a, 0x6f, 0x73, 0xe9)).toBe('windows-1252')
    expect(guess(0x93, 0x48, 0x69, 0x94)).toBe('windows-1252')
  })
})

describe('bytes that are UTF-8', () => {
  it('pass, U+FFFD too, if it was sent', async () => {
    const { rows } = await read('id,slug\n\uFFFD,é\u0000語𝒳\n')
    expect(rows).toMatchObject([{ cells: ['\uFFFD', 'é\u0000語𝒳'], faults: [] }])
  })
})
