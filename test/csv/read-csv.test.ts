import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { columnNames } from '../../src/users/columns.ts'
import { bySize, inPieces, open, read } from './reading.ts'
import { openCsv } from '../../src/csv/read-csv.ts'

const delimiter = fc.constantFrom(',', ';', '\t', '|')
const lineEnd = fc.constantFrom('\n', '\r\n', '\r')
const character = fc.constantFrom(
  'a',
  'b',
  ' ',
  ',',
  ';',
  '\t',
  '|',
  '"',
  '\n',
  '\r',
  '\r\n',
  'é',
  '語',
  '𝒳',
  '\u00A0',
  '=',
  '\uFEFF',
)
const cell = fc.array(character, { maxLength: 5 }).map((parts) => parts.join(''))
const width = 3
const record = fc.array(fc.record({ cell, quoted: fc.boolean() }), { minLength: 1, maxLength: width })
const table = fc.record({
  delimiter,
  bom: fc.boolean(),
  header: lineEnd,
  rows: fc.array(fc.record({ record, lineEnd }), { maxLength: 6 }),
  closed: fc.boolean(),
})
type Table = typeof table extends fc.Arbitrary<infer T> ? T : never

/** A writer that shares nothing with the one under test. */
function write({ delimiter, bom, header, rows, closed }: Table): string {
  const field = (value: string, quoted: boolean): string =>
    quoted || value.startsWith('"') || [delimiter, '\n', '\r'].some((special) => value.includes(special))
      ? `"${value.split('"').join('""')}"`
      : value
  const lines = rows.map(({ record, lineEnd }) => ({
    line: record.map(({ cell, quoted }) => field(cell, quoted)).join(delimiter),
    lineEnd,
  }))
  const body = lines.map(({ line, lineEnd }, index) =>
    // a last line that is blank needs its end, and a CR that is followed by a blank line's LF would be one line end
    index === lines.length - 1 && !closed && line !== ''
      ? line
      : line + (lineEnd === '\r' ? '\r\n' : lineEnd),
  )
  const end = header === '\r' && (body[0] ?? '').startsWith('\n') ? '\r\n' : header
  return (bom ? '\uFEFF' : '') + ['id', 'email', 'slug'].join(delimiter) + end + body.join('')
}

const expected = ({ rows }: Table): string[][] =>
  rows
    .map(({ record }) => record.map(({ cell }) => cell))
    .map((cells) => (cells.join('') === '' && cells.length === 1 ? [] : cells))

const normal = (cells: readonly (readonly string[])[]): string[][] =>
  cells.map((row) => (row.length === 1 && row[0] === '' ? [] : [...row]))

describe('reading a table of any cells', () => {
  it('gives the same cells when it comes in one piece', async () => {
    await fc.assert(
      fc.asyncProperty(table, async (example) => {
        const { cells, rows } = await read(write(example))
        expect(normal(cells)).toEqual(expected(example))
        expect(rows.every(({ faults }) => faults.length === 0)).toBe(true)
        expect(rows.map(({ number }) => number)).toEqual(rows.map((_, index) => index + 2))
      }),
      { numRuns: 1_000 },
    )
  })

  it('gives the same cells when it comes one byte at a time', async () => {
    await fc.assert(
      fc.asyncProperty(table, async (example) => {
        const { cells } = await read(bySize(Buffer.from(write(example)), 1))
        expect(normal(cells)).toEqual(expected(example))
      }),
      { numRuns: 300 },
    )
  })

  it('gives the same cells wherever it is split in two', async () => {
    await fc.assert(
      fc.asyncProperty(table, async (example) => {
        const bytes = Buffer.from(write(example))
        for (let at = 0; at <= bytes.length; at += 1) {
          const { cells } = await read([bytes.subarray(0, at), bytes.subarray(at)])
          expect(normal(cells)).toEqual(expected(example))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('gives the same rows and faults of any bytes, however they are split', async () => {
    const byte = fc.constantFrom(...Buffer.from('ab,,,"""\n\n\r '), 0xe9, 0xc3, 0xa9, 0x00)
    const upload = fc
      .array(byte, { maxLength: 60 })
      .map((bytes) => Buffer.from([...Buffer.from('id,slug\n'), ...bytes]))
    await fc.assert(
      fc.asyncProperty(upload, fc.integer({ min: 1, max: 7 }), async (bytes, size) => {
        expect((await read(bySize(bytes, size))).rows).toEqual((await read(bytes)).rows)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('the rows', () => {
  it('come before the upload has ended', async () => {
    let hasEnded = false
    async function* bytes() {
      yield* inPieces(['id,email\n1,a@example.com\n2,"b\n', 'c"\n3,'])
      hasEnded = true
    }
    const upload = await openCsv(bytes(), {
      columnMap: new Map(),
      echoUnknown: false,
      maxBytes: 1_000,
      maxRows: 9,
    })
    const first = await upload.rows.next()
    const second = await upload.rows.next()
    expect([first.value, second.value]).toMatchObject([
      [{ number: 2 }],
      [{ number: 3, cells: ['2', 'b\nc'] }],
    ])
    expect(hasEnded).toBe(false)
  })

  it('end the upload when they are left early', async () => {
    let isReleased = false
    async function* bytes() {
      try {
        yield* inPieces(['id\n1\n', '2\n', '3\n'])
      } finally {
        isReleased = true
      }
    }
    const { rows } = await openCsv(bytes(), {
      columnMap: new Map(),
      echoUnknown: false,
      maxBytes: 1_000,
      maxRows: 9,
    })
    for await (const some of rows) {
      expect(some).toHaveLength(1)
      break
    }
    expect(isReleased).toBe(true)
  })

  it('lack cells that are absent, and blank cells after the last column', async () => {
    const { rows } = await read('id,slug,email\n1\n1,2,3,, ,\n\n,,\n"",,\n')
    expect(rows.map(({ cells }) => cells)).toEqual([['1'], ['1', '2', '3'], [], ['', '', ''], ['', '', '']])
    expect(rows.flatMap(({ faults }) => faults)).toEqual([])
  })

  it('say so when a value stands after the last column', async () => {
    const { rows } = await read('id,slug\n1,2,x, ,y,\n3,4\n')
    expect(rows[0]).toMatchObject({ cells: ['1', '2'], faults: [{ code: 'row.surplus', value: 'x, ,y' }] })
    expect(rows[0]?.faults[0]?.message).toContain('must have up to 2 values, but has 5')
    expect(rows[1]?.faults).toEqual([])
  })

  it('say so when a value stands under a blank name, and keep it', async () => {
    const { rows } = await read('id,,email\n1,,a\n1,x,a\n')
    expect(rows.map(({ cells, faults }) => [cells, faults.map(({ code }) => code)])).toEqual([
      [['1', '', 'a'], []],
      [['1', 'x', 'a'], ['row.unnamed']],
    ])
  })

  it('keep a quote that does not begin a value as a character', async () => {
    expect((await read('id,slug\n5" pipe,a""b\n"q",c"d\n')).cells).toEqual([
      ['5" pipe', 'a""b'],
      ['q', 'c"d'],
    ])
  })

  it('are those of an answer without its first two columns', async () => {
    const { header, rows } = await read('disposition,errors,id,email\ninvalid,"no, really",1,a\nskipped\n')
    expect(header.names).toEqual(['id', 'email'])
    expect(header.columns).toEqual(['id', 'email'])
    expect(rows.map(({ cells }) => cells)).toEqual([['1', 'a'], []])
  })

  it('keep names and cells that are spelled like properties of objects', async () => {
    const { header, cells } = await read('id,__proto__,constructor\n1,"x",y\n', { echoUnknown: true })
    expect(header).toMatchObject({
      names: ['id', '__proto__', 'constructor'],
      columns: ['id', undefined, undefined],
    })
    expect(cells).toEqual([['1', 'x', 'y']])
  })

  it('have thirty cells where the upload is the template', async () => {
    const { header, rows } = await read(`${columnNames.join(',')}\n${','.repeat(29)}\n`)
    expect(header.columns).toEqual(columnNames)
    expect(rows[0]?.cells).toHaveLength(30)
  })

  it('are none where there is a header only', async () => {
    for (const upload of ['id', 'id\n', 'id\r\n', 'id\r', '\uFEFFid\n']) {
      expect((await read(upload)).rows).toEqual([])
    }
    expect((await open('id')).header.lineEnd).toBe('\n')
  })
})
