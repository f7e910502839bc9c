import { describe, expect, it, jest } from '@jest/globals'
import { liveMemory } from '../support/live-memory.ts'
import { processorTime } from '../support/processor-time.ts'
import { bySize, codes, open, read, refusal } from './reading.ts'

const MiB = 1024 * 1024

const lines = (count: number, start: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, index) => `${start(index)}${'x'.repeat(99)}\n`)

/**
 * Where the time grows with the square of the length, it is many minutes: so that is what the limits of time here tell
 * apart, and not one machine from another.
 */
const MANY_SECONDS = 120_000

// However busy the machine is.
jest.setTimeout(600_000)

async function timed(upload: Parameters<typeof read>[0]) {
  const start = processorTime()
  const { rows } = await read(upload)
  return { rows, ms: processorTime() - start }
}

describe('the limits', () => {
  it('refuse an upload of too many bytes', async () => {
    expect(await refusal('id\n123\n', { maxBytes: 6 })).toMatchObject({ code: 'upload.too_large' })
    expect((await read('id\n123\n', { maxBytes: 7 })).rows).toHaveLength(1)
  })

  it('refuse an upload of too many rows', async () => {
    expect(await refusal('id\n1\n2\n', { maxRows: 1 })).toMatchObject({ code: 'upload.too_many_rows' })
    expect(await refusal(['id\n', '1\n', '2'], { maxRows: 1 })).toMatchObject({
      code: 'upload.too_many_rows',
    })
    expect((await read('id\n1\n2\n', { maxRows: 2 })).rows).toHaveLength(2)
  })

  it('refuse a header of more than 300 columns', async () => {
    const names = (count: number) =>
      ['id', ...Array.from({ length: count - 1 }, (_, index) => `x${index}`)].join(',')
    expect(await refusal(names(301), { echoUnknown: true })).toMatchObject({
      code: 'upload.too_many_columns',
    })
    expect((await read(`disposition,errors,${names(300)}`, { echoUnknown: true })).header.names).toHaveLength(
      300,
    )
  })

  it('make a cell over 64 KiB a fault, and echo it whole', async () => {
    const long = 'é'.repeat(32 * 1024)
    const { rows } = await read(`id,slug\n${long},"${long}x"\n${long}x,${long}\n`)
    expect(rows.map((row) => [row.cells.map(({ length }) => length), codes(row)])).toEqual([
      [[32_768, 32_769], ['slug.too_long']],
      [[32_769, 32_768], ['id.too_long']],
    ])
  })

  it('cut the cells of a record over 1 MiB, and read on after it', async () => {
    const long = '𝒳'.repeat(200_000)
    for (const record of [`${long},${long},3`, `"${long}\n""","b${long}",3`]) {
      const upload = Buffer.from(`id,slug,email\n${record}\n1,2,3\n`)
      const whole = await read(upload)
      expect(whole.rows.map(codes)).toEqual([['row.too_long'], []])
      expect(whole.cells.map((cells) => cells.map((cell) => Array.from(cell).length))).toEqual([
        [100, 100, 1],
        [1, 1, 1],
      ])
      expect((await read(bySize(upload, 70_001))).rows).toEqual(whole.rows)
    }
  })

  it('hold a record of up to 1 MiB', async () => {
    const cell = 'x'.repeat(60_000)
    const record = Array.from({ length: 17 }, () => cell).join(',')
    const header = `id${',x'.repeat(16)}`.replace(/x/g, (_, at) => `x${at}`)
    const { rows } = await read(`${header}\n${record}\n${record},${cell}\n`, { echoUnknown: true })
    expect(rows.map(codes)).toEqual([[], ['row.too_long']])
  })

  it('hold no more than a few megabytes of a cell of 200 MB', async () => {
    let most = 0
    function* pieces(): Generator<Uint8Array> {
      yield Buffer.from('id,slug\n1,"')
      const piece = Buffer.alloc(64 * 1024, 'xyz\n')
      for (let count = 0; count < 3_200; count += 1) {
        if (count % 400 === 0) most = Math.max(most, liveMemory())
        yield piece
      }
      yield Buffer.from('"\n3,4\n')
    }
    const before = liveMemory()
    const { rows } = await open(pieces())
    const seen = []
    for await (const some of rows) seen.push(...some.map(codes))
    expect(seen).toEqual([['row.too_long'], []])
    expect(most - before).toBeLessThan(32 * MiB)
  })

  it('make everything one row from a quote that is never closed, if other lines follow', async () => {
    const { rows } = await read(['id,slug\n0,1\n"a\n', ...lines(20_000, () => '')])
    expect(rows.map(codes)).toEqual([[], ['row.unclosed_quote', 'row.too_long']])
    expect(rows[1]?.cells).toEqual([`a\n${'x'.repeat(98)}`])
  })

  it('resume after the line of a quote that is not closed within 1 MiB', async () => {
    const { rows } = await read(['id,slug\n0,"a\n', ...lines(20_000, (index) => `${index},`)])
    expect(rows).toHaveLength(20_001)
    expect(rows.filter(({ faults }) => faults.length > 0).map(codes)).toEqual([['row.unclosed_quote']])
  })

  it('mean the same in whatever pieces a record comes', async () => {
    for (const start of ['0,"a\n', '0,"a\n""', '"a\nb"c,"\n', '"a"b,"c\n']) {
      const upload = Buffer.from(`id,slug\n${start}${lines(12_000, (index) => `${index},`).join('')}z"\n1,2`)
      const { rows } = await read(upload)
      for (const size of [997, 30_011, 400_009]) expect((await read(bySize(upload, size))).rows).toEqual(rows)
    }
  })
})

describe('no upload takes time that grows with the square of its length', () => {
  const bytes = 2 * MiB
  const fill = (text: string): string => text.repeat(Math.ceil(bytes / text.length))

  it.each([
    ['quotes', fill('"')],
    ['quotes and delimiters', fill('",')],
    ['quotes at line starts', fill('"\n')],
    ['values that close and open again', `"a\n${fill('x","y\n')}`],
    ['a misplaced quote, then values that close and open again', `"a"b,"\n${fill('x","y\n')}`],
    ['misplaced quotes', fill('"a"b\n')],
    ['misplaced quotes over lines', fill('"a\nb"c\n')],
    ['unclosed quotes', fill('1,"a\n')],
    ['a misplaced quote and lines of another width', `"a\nb"c\n${fill('1\n')}`],
    ['a misplaced quote and blank lines', `"a\nb"c\n${fill('\n')}`],
    ['one line', fill('x')],
    ['one line of white space', fill(' ')],
    ['delimiters', fill(',')],
    ['carriage returns', fill('\r')],
    ['quoted values and carriage returns', fill('"a",b\r')],
  ])('of %s', async (_, body) => {
    const { ms } = await timed(['id,slug\n', body])
    expect(ms).toBeLessThan(MANY_SECONDS)
    const lines = await timed(['id,slug\n', ...bySize(Buffer.from(body), 1_000)])
    expect(lines.ms).toBeLessThan(MANY_SECONDS)
  })

  it('of 1 MiB of quotes', async () => {
    expect((await timed(`id,slug\n${'"'.repeat(MiB)}`)).ms).toBeLessThan(MANY_SECONDS)
  })

  it('of a record of 1 MiB that comes one byte at a time', async () => {
    const { rows, ms } = await timed([
      'id,slug\n',
      ...bySize(Buffer.from(`1,"${'ab\n'.repeat(MiB / 4)}"\n1,2\n`), 1),
    ])
    expect(rows.map(codes)).toEqual([['slug.too_long'], []])
    expect(ms).toBeLessThan(MANY_SECONDS)
  })

  it('of a header of line breaks in quotes', async () => {
    const start = processorTime()
    const error = await refusal(bySize(Buffer.from(`"${'a\n'.repeat(600_000)}`), 2))
    expect(error.code).toBe('csv.header')
    expect(processorTime() - start).toBeLessThan(MANY_SECONDS)
  })
})
