import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import iconv from 'iconv-lite'
import { openCsv } from '../../src/csv/read-csv.ts'
import { csvAnswer } from '../support/answer.ts'
import { bySize, codes, messages, read, refusal } from './reading.ts'

/** For each charset some text that it can hold. */
const samples: Readonly<Record<string, string>> = {
  'utf-8': 'Zoë 語 𝒳 \uFFFD',
  'utf-16le': 'Zoë 語 𝒳 \uFFFD',
  'utf-16be': 'Zoë 語 𝒳 \uFFFD',
  'windows-1250': 'Łukasz Dvořák €',
  'windows-1251': 'Иван Ёжиков',
  'windows-1252': 'Zoë “O’Neill” €',
  'windows-1253': 'Γιώργος',
  'windows-1254': 'Ayşe Çağlar İ',
  'windows-1255': 'שלום',
  'windows-1256': 'محمد',
  'windows-1257': 'Šarūnas Žvirblis',
  'windows-1258': 'Đăng ơ',
  'iso-8859-1': 'Zoë Ñandú',
  'iso-8859-2': 'Łukasz Dvořák',
  'iso-8859-3': 'Ħal Għaxaq ĉ',
  'iso-8859-4': 'Šarūnas',
  'iso-8859-5': 'Иван Ёжиков',
  'iso-8859-6': 'محمد',
  'iso-8859-7': 'Γιώργος',
  'iso-8859-8': 'שלום',
  'iso-8859-9': 'Ayşe Çağlar İ',
  'iso-8859-10': 'Šiauliai þ',
  'iso-8859-11': 'สมชาย',
  'iso-8859-13': 'Šarūnas “x”',
  'iso-8859-14': 'Ŵyn ŷ',
  'iso-8859-15': 'Zoë Œuvre €',
  'iso-8859-16': 'Țepeș €',
  macintosh: 'Zoë Ñandú “x”',
  shift_jis: '表示 ソース ｶﾅ 佐藤',
  'euc-jp': '佐藤 ソース ｶﾅ',
  gb18030: '张伟 € 𠀀 ḿ \uFFFD',
  big5: '許功蓋 陳',
  'euc-kr': '김철수 똠',
}
const charsets = Object.keys(samples)

const upload = (sample: string): string =>
  `email;given name;"${sample}"\r\na@x.org;${sample};"${sample}; ""q"""\r\n;${sample.repeat(3)};\r\n`

const echoed = { echoUnknown: true }

describe.each(charsets)('an upload in %s', (charset) => {
  const sample = samples[charset]!
  const bytes = iconv.encode(upload(sample), charset)

  it('is read as it was written, in one piece, byte by byte, and wherever it is split', async () => {
    expect(iconv.decode(bytes, charset)).toBe(upload(sample))
    const cells = [
      ['a@x.org', sample, `${sample}; "q"`],
      ['', sample.repeat(3), ''],
    ]
    for (const pieces of [[bytes], bySize(bytes, 1), bySize(bytes, 7)]) {
      const { header, rows } = await read(pieces, { charset, ...echoed })
      expect(header).toMatchObject({ charset, delimiter: ';', lineEnd: '\r\n', bom: charset !== 'utf-8' })
      expect(header.names).toEqual(['email', 'given name', sample])
      expect(rows.map((row) => row.cells)).toEqual(cells)
      expect(rows.flatMap(codes)).toEqual([])
      expect(rows.map(({ number }) => number)).toEqual([2, 3])
    }
    for (let at = 0; at <= bytes.length; at += 1) {
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)]
      expect((await read(pieces, { charset, ...echoed })).cells).toEqual(cells)
    }
  })

  it('is answered in UTF-8, in its own dialect, with a byte-order mark unless it was UTF-8', async () => {
    const { header, rows } = await read(bytes, { charset, ...echoed })
    const writer = csvAnswer(header, { onlyInvalid: false, detailed: false, returnId: false })
    const text =
      writer.head() +
      writer.rows(rows.map((row) => ({ row, disposition: 'unchanged', faults: [], id: '', changed: [] })))
    const mark = charset === 'utf-8' ? '' : '\uFEFF'
    expect(text.startsWith(`${mark}disposition;errors;email;given name;`)).toBe(true)
    expect(text).toContain(`\r\nimported;;a@x.org;${sample};"${sample}; ""q"""\r\n`)
  })

  it('gives the same rows and faults of any bytes, however they are split, and U+FFFD never', async () => {
    const interesting = [...Buffer.from('a,;"\n\r'), 0x00, 0x30, 0x39, 0x5c, 0x80, 0x81, 0x84, 0x8e, 0x8f]
    const byte = fc.oneof(
      fc.constantFrom(...interesting, 0xa1, 0xa4, 0xd8, 0xdc, 0xe3, 0xfe, 0xff),
      fc.integer({ min: 0, max: 255 }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(byte, { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        async (some, size) => {
          const all = Buffer.concat([iconv.encode('id,slug\n', charset), Buffer.from(some)])
          const { rows } = await read(all, { charset })
          expect((await read(bySize(all, size), { charset })).rows).toEqual(rows)
          const text = JSON.stringify(rows)
          expect(text).not.toMatch(/\p{Cs}|\\u(?:fffd|d[89a-f])/iu)
          if (!['utf-8', 'utf-16le', 'utf-16be', 'gb18030'].includes(charset))
            expect(text).not.toContain('\uFFFD')
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('a byte-order mark', () => {
  it.each(['utf-8', 'utf-16le', 'utf-16be'])('of %s decides, whatever the request says', async (charset) => {
    const bytes = iconv.encode('\uFEFFemail,given name\na@x.org,Zoë\n', charset)
    for (const declared of [
      {},
      { charset: 'windows-1251' },
      { charset: 'utf-16le' },
      { charset: 'UTF-16' },
    ]) {
      for (const pieces of [[bytes], bySize(bytes, 1)]) {
        const { header, cells } = await read(pieces, declared)
        expect(header).toMatchObject({ charset, bom: true, names: ['email', 'given name'] })
        expect(cells).toEqual([['a@x.org', 'Zoë']])
      }
    }
  })

  it('alone is an empty upload', async () => {
    for (const mark of ['\uFEFF', 'þÿ', 'ÿþ']) {
      const bytes = mark === '\uFEFF' ? Buffer.from(mark) : Buffer.from(mark, 'latin1')
      expect(await refusal(bytes)).toMatchObject({ code: 'csv.header' })
      expect(await refusal(bySize(bytes, 1), { charset: 'utf-16' })).toMatchObject({ code: 'csv.header' })
    }
  })
})

describe('the charset utf-16', () => {
  it('takes its order from its first character', async () => {
    for (const order of ['utf-16le', 'utf-16be']) {
      const { header, cells } = await read(iconv.encode('email\nа@x.org\n', order), { charset: 'utf-16' })
      expect(header.charset).toBe(order)
      expect(cells).toEqual([['а@x.org']])
    }
  })

  it('has the high byte first where nothing tells', async () => {
    const bytes = iconv.encode('"語",email\n1,2\n', 'utf-16be').subarray(2)
    expect((await read(bytes, { charset: 'utf-16', ...echoed })).header.charset).toBe('utf-16be')
  })
})

describe('bytes that are not of their charset', () => {
  const decoded = (charset: string, ...parts: (string | number[])[]): Buffer =>
    Buffer.concat(
      parts.map((part) => (typeof part === 'string' ? iconv.encode(part, charset) : Buffer.from(part))),
    )

  it.each([
    ['windows-1252', [0x81], '\\x81'],
    ['windows-1253', [0xff, 0xd2], '\\xFF\\xD2'],
    ['iso-8859-1', [0x8d], '\\x8D'],
    ['shift_jis', [0xff], '\\xFF'],
    ['shift_jis', [0x82], '\\x82'],
    ['euc-jp', [0x8f, 0xa1], '\\x8F\\xA1'],
    ['gb18030', [0x81, 0x30, 0x81], '\\x810\\x81'],
    // code points beyond U+10FFFF
    ['gb18030', [0xfe, 0x39, 0xfe, 0x39], '\\xFE9\\xFE9'],
    ['gb18030', [0xe3, 0x32, 0x9a, 0x36], '\\xE32\\x9A6'],
    ['big5', [0xff], '\\xFF'],
    ['euc-kr', [0xc9], '\\xC9'],
    // bytes that UTF-8 would take together
    ['euc-kr', [0xc9, 0x80], '\\xC9\\x80'],
    ['utf-16le', [0x3d, 0xd8], '\\x3D\\xD8'],
    ['utf-16be', [0xd8, 0x3d], '\\xD8\\x3D'],
    ['utf-16le', [0x22, 0xdc], '\\x22\\xDC'],
    ['utf-16be', [0xdc, 0x0a], '\\xDC\\x0A'],
    ['utf-16be', [0xdc, 0x00, 0xd8, 0x00], '\\xDC\\x00\\xD8\\x00'],
  ])('in %s, %j, are a fault of their row and stand in it as escapes', async (charset, bad, escapes) => {
    const bytes = decoded(charset, 'email,givenName,name\na@x.org,J', bad, ',ok\nb@x.org,K,L\n')
    for (const pieces of [[bytes], bySize(bytes, 1), bySize(bytes, 3)]) {
      const { rows } = await read(pieces, { charset })
      expect(rows.map((row) => [row.cells, codes(row)])).toEqual([
        [['a@x.org', `J${escapes}`, 'ok'], ['givenName.undecodable']],
        [['b@x.org', 'K', 'L'], []],
      ])
      expect(messages(rows[0])[0]).toMatch(`givenName must be ${charset}, but has J${escapes} (`)
    }
  })

  it('at the end of the upload are escapes too', async () => {
    for (const [charset, bad, escapes] of [
      ['shift_jis', [0x82], '\\x82'],
      ['gb18030', [0x81, 0x30, 0x81], '\\x810\\x81'],
      ['euc-jp', [0x8f, 0xa1], '\\x8F\\xA1'],
      ['utf-16le', [0x3d, 0xd8], '\\x3D\\xD8'],
      ['utf-16le', [0x41], '\\x41'],
      ['utf-16be', [0xd8, 0x3d, 0x41], '\\xD8\\x3D\\x41'],
    ] as const) {
      const bytes = decoded(charset, 'email,name\na@x.org,J', [...bad])
      for (const pieces of [[bytes], bySize(bytes, 1)]) {
        const { rows } = await read(pieces, { charset })
        expect(rows).toMatchObject([{ cells: ['a@x.org', `J${escapes}`] }])
        expect(rows.flatMap(codes)).toEqual(['name.undecodable'])
      }
    }
  })

  it('are a 400 in the header line', async () => {
    for (const [charset, bad] of [
      ['shift_jis', [0xff]],
      ['windows-1253', [0xff]],
      ['utf-16le', [0x00, 0xd8]],
    ] as const) {
      const bytes = decoded(charset, 'email,n', [...bad], 'ame\na@x.org,J\n')
      const error = await refusal(bytes, { charset })
      expect(error).toMatchObject({ code: 'csv.header', status: 400 })
      expect(error.message).toContain(`must be ${charset}`)
    }
  })

  it('name the charset that was said and the one that is likely', async () => {
    const sentence = async (declared: string | undefined, charset: string, name: string): Promise<string> => {
      const bytes = decoded(charset, `email,name\na@x.org,${name}\n`)
      const { rows } = await read(bytes, declared === undefined ? {} : { charset: declared })
      return messages(rows[0]).join()
    }
    expect(await sentence(undefined, 'windows-1252', 'José')).toBe(
      'name must be UTF-8, but has Jos\\xE9 (the file is likely windows-1252: save it as CSV UTF-8, ' +
        'or say charset=windows-1252 in its Content-Type)',
    )
    expect(await sentence(undefined, 'windows-1251', 'Иван')).toContain('charset=windows-1251')
    expect(await sentence(undefined, 'windows-1253', 'Γεωργία')).toContain('charset=windows-1253')
    expect(await sentence(undefined, 'windows-1250', 'Michał')).toContain('charset=windows-1250')
    expect(await sentence(undefined, 'macintosh', 'José')).toContain('charset=macintosh')
    expect(await sentence(undefined, 'shift_jis', '佐藤')).toContain('charset=shift_jis')
    expect(await sentence('windows-1252', 'utf-8', 'Álvaro')).toContain(
      '(the file is likely utf-8: say charset=utf-8',
    )
    expect(await sentence('windows-1253', 'windows-1252', 'naÿve')).toContain('must be windows-1253')
    expect(await sentence('windows-1253', 'windows-1252', 'naÿve')).toContain('likely windows-1252')
    expect(await sentence('windows-1252', 'macintosh', 'Maèl')).toContain('likely macintosh')
  })

  it('are never told to say a charset where none is listened to', async () => {
    const latin = decoded('windows-1252', 'email,name\na@x.org,José\n')
    const inForm = await read(latin, { inForm: true })
    expect(messages(inForm.rows[0])).toEqual([
      'name must be UTF-8, but has Jos\\xE9 (the file is likely windows-1252: save it as CSV UTF-8, ' +
        'or send it without a form, as Content-Type: text/csv;charset=windows-1252)',
    ])
    const header = await refusal(decoded('windows-1252', 'email,Größe\n'), { inForm: true })
    expect(header.message).toContain(
      'send it without a form, as Content-Type: text/csv;charset=windows-1252.',
    )
    const utf8Mark = Buffer.from([0xef, 0xbb, 0xbf])
    for (const inForm of [true, false]) {
      const marked = await read(Buffer.concat([utf8Mark, latin]), { inForm })
      expect(messages(marked.rows[0])).toEqual([
        'name must be UTF-8, but has Jos\\xE9 (these bytes are likely windows-1252: save the file as CSV UTF-8)',
      ])
    }
  })

  it('of UTF-16 that lost its last byte are not taken for another charset', async () => {
    const whole = iconv.encode('email\nann@x.org\nA', 'utf-16le', { addBOM: true })
    for (const upload of [whole, whole.subarray(2)]) {
      const { rows } = await read(upload.subarray(0, -1), { charset: 'utf-16le' })
      expect(messages(rows[1])).toEqual([
        'email must be utf-16le, but has \\x41 (save the file as CSV UTF-8)',
      ])
    }
    const marked = Buffer.from('\xFF\xFEemail,name\na@x.org,Ann\n', 'latin1')
    const { message } = await refusal(marked)
    expect(message).toContain('must be utf-16le, but is not; save the file as CSV UTF-8.')
  })

  it('leave a replacement character that was sent, beside them', async () => {
    for (const [charset, bad] of [
      ['utf-8', [0xe9]],
      ['gb18030', [0xff]],
      ['utf-16le', [0x00, 0xd8]],
    ] as const) {
      const bytes = decoded(charset, 'email,name\na@x.org,\uFFFD', [...bad], '\n')
      const { rows } = await read(bytes, { charset })
      expect(rows[0]?.cells[1]).toMatch(/^\uFFFD(?:\\x..)+$/)
    }
  })
})

describe('a header in the wrong charset', () => {
  it('is refused with the charset as which it was read', async () => {
    const error = await refusal('email,name\na@x.org,Anna\n', { charset: 'utf-16le' })
    expect(error).toMatchObject({ code: 'csv.header' })
    expect(error.message).toContain('The upload was read as utf-16le.')
    expect(Buffer.byteLength(error.message)).toBeLessThan(1_500)
    const odd = await refusal('email,name\na@x.org,Ann\n', { charset: 'utf-16le' })
    expect(odd.message).toContain('must be utf-16le, but is not; the file is likely utf-8')
    expect((await refusal('nonsense\n')).message).not.toContain('was read as')
  })
})

describe('an upload that is not UTF-8', () => {
  it('is held to the limit in its own bytes', async () => {
    const bytes = iconv.encode('email\nа@x.org\n', 'utf-16le')
    const options = { charset: 'utf-16le', maxBytes: bytes.length }
    expect((await read(bytes, options)).rows).toHaveLength(1)
    expect(await refusal(bytes, { ...options, maxBytes: bytes.length - 1 })).toMatchObject({
      code: 'upload.too_large',
    })
  })

  it('may hold lines that are longer than a piece', async () => {
    const cell = '語'.repeat(20_000)
    for (const charset of ['shift_jis', 'utf-16be', 'gb18030']) {
      const cells = Array.from({ length: 20 }, (_, index) => (index === 0 ? 'x' : cell))
      const names = ['email', ...Array.from({ length: 19 }, (_, index) => `n${index}`)]
      const bytes = iconv.encode(`${names.join()}\r\n${cells.join()}\r\ny\r\n`, charset)
      const { rows } = await read(bySize(bytes, 100_001), { charset, ...echoed })
      expect(rows.map((row) => row.cells[0])).toEqual(['x', 'y'])
      expect(rows.map(codes)).toEqual([['row.too_long'], []])
    }
  })

  it('ends the upload when it is left early', async () => {
    let isReleased = false
    async function* bytes() {
      try {
        for (const line of ['email\n', '1\n', '2\n']) yield iconv.encode(line, 'utf-16le')
        await Promise.resolve()
      } finally {
        isReleased = true
      }
    }
    const { rows } = await openCsv(bytes(), {
      columnMap: new Map(),
      echoUnknown: false,
      maxBytes: 1_000,
      maxRows: 9,
      charset: 'utf-16le',
    })
    for await (const some of rows) {
      expect(some).toHaveLength(1)
      break
    }
    expect(isReleased).toBe(true)
  })
})
