import { describe, expect, it } from '@jest/globals'
import { charsetNamed, unsupportedCharset } from '../../src/csv/charset.ts'
import { refusal } from './reading.ts'

describe('a charset that cannot be read', () => {
  const names = [
    ...[
      '',
      ' ',
      '-',
      'nonsense',
      'utf',
      'utf-7',
      'utf-32',
      'utf-16xe',
      'utf-8x',
      'utf-81',
      'ansi',
      'unicode',
    ],
    ...[
      'windows-1249',
      'windows-1259',
      'windows-12522',
      'windows-874',
      'iso-8859-0',
      'iso-8859-12',
      'iso-8859-17',
    ],
    ...[
      'latin11',
      'latin0',
      'koi8-r',
      'cp437',
      'ibm850',
      'iso-2022-jp',
      'hz-gb-2312',
      'binary',
      'base64',
      'hex',
    ],
    ...['__proto__', 'constructor', 'x'.repeat(100_000)],
  ]

  it.each(names)('is %j', (name) => {
    expect(charsetNamed(name)).toBeUndefined()
  })

  it('is a 415 that lists what can be read, in a few words whatever its name', async () => {
    const error = await refusal('id\n1\n', { charset: 'koi8-r' })
    expect(error).toMatchObject({ code: 'charset.unsupported', status: 415 })
    for (const name of [
      'koi8-r',
      'utf-16le',
      'windows-1258',
      'iso-8859-16',
      'macintosh',
      'gb18030',
      'euc-kr',
    ]) {
      expect(error.message).toContain(name)
    }
    expect(unsupportedCharset('\u{1F600}\0'.repeat(50_000)).message.length).toBeLessThan(500)
    expect(unsupportedCharset('a\r\nb').message).not.toMatch(/[\r\n]/)
  })
})

describe('a charset', () => {
  it.each([
    ['utf-8', ['UTF-8', 'utf8', 'Utf_8', 'us-ascii', 'ASCII', 'unicode-1-1-utf-8']],
    ['utf-16', ['UTF-16', 'utf16', 'ucs-2', 'ISO-10646-UCS-2']],
    ['utf-16le', ['utf-16le', 'UTF-16LE', 'utf16le']],
    ['utf-16be', ['utf-16be', 'UTF_16BE']],
    ['windows-1250', ['windows-1250', 'CP1250', 'x-cp1250']],
    ['windows-1252', ['Windows-1252', 'cp1252', 'x-cp1252', 'win1252', 'ms1252']],
    ['windows-1258', ['windows-1258']],
    ['iso-8859-1', ['ISO-8859-1', 'iso8859-1', 'ISO_8859-1:1987', 'latin1', 'Latin-1', 'l1', 'csISOLatin1']],
    ['iso-8859-2', ['iso-8859-2', 'latin2', '8859-2']],
    ['iso-8859-5', ['iso-8859-5', 'cyrillic', 'csISOLatinCyrillic']],
    ['iso-8859-6', ['iso-8859-6', 'arabic', 'iso-8859-6-e']],
    ['iso-8859-8', ['iso-8859-8', 'hebrew', 'ISO-8859-8-I']],
    ['iso-8859-9', ['iso-8859-9', 'latin5', 'ISO_8859-9:1989']],
    ['iso-8859-10', ['iso-8859-10', 'latin6']],
    ['iso-8859-11', ['iso-8859-11']],
    ['iso-8859-15', ['iso-8859-15', 'latin9', 'Latin-9']],
    ['iso-8859-16', ['iso-8859-16', 'latin10']],
    ['macintosh', ['macintosh', 'mac', 'MacRoman', 'x-mac-roman']],
    ['shift_jis', ['Shift_JIS', 'shift-jis', 'sjis', 'x-sjis', 'Windows-31J', 'cp932', 'MS_Kanji']],
    ['euc-jp', ['EUC-JP', 'x-euc-jp', 'eucJP']],
    ['gb18030', ['GB18030', 'gbk', 'gb2312', 'GB_2312-80', 'x-gbk', 'cp936', 'euc-cn']],
    ['big5', ['Big5', 'big5-hkscs', 'cp950', 'x-x-big5', 'cn-big5']],
    ['euc-kr', ['EUC-KR', 'ks_c_5601-1987', 'cp949', 'korean', 'uhc']],
  ])('%s goes by its usual names', (name, others) => {
    for (const other of others) expect(charsetNamed(other)?.name).toBe(name)
  })
})
