import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createAnswerReader } from '../../src/csv/read-answer.ts'
import { createCsvWriter, type CsvAnswerHeader } from '../../src/csv/write-csv.ts'
import { answering, type AnsweredRow, type AnswerOptions, type Outcome } from '../../src/import/answer.ts'
import type { AnnotatedRow, Disposition, Layout } from '../../src/import/row.ts'
import { answeredRows, ChunkBuilder, invalidText, meantUsers, type Chunk } from '../../src/receipts/chunk.ts'
import { emailRequired, notUnique, unknownId } from '../../src/users/faults.ts'
import { idOf } from '../import/builders.ts'
import { header, plain } from '../support/answer.ts'

const seed = Number(process.env['PROPERTY_SEED'] ?? 20261122)

interface Case {
  readonly header: CsvAnswerHeader
  readonly options: AnswerOptions
  readonly outcome: Outcome
  readonly rows: readonly AnsweredRow[]
  /** After how many rows the first part of the batch ends. */
  readonly cut: number
}

function chunkOf({ header, options, outcome, rows, cut }: Case): Chunk {
  const builder = new ChunkBuilder(createCsvWriter(header, options, outcome))
  builder.add(rows.slice(0, cut))
  builder.add(rows.slice(cut))
  return builder.build()
}

function rowOf(number: number, disposition: Disposition, cells: readonly string[]): AnsweredRow {
  const isGood = disposition !== 'invalid' && disposition !== 'skipped'
  const faults = disposition === 'invalid' ? [emailRequired()] : []
  return {
    number,
    disposition,
    faults,
    id: isGood ? idOf(`user${number}`) : null,
    cells,
    changed: disposition === 'updated' ? ['email'] : [],
  }
}

describe('a chunk', () => {
  it('of no rows is empty, and no rows are read from it', () => {
    const form = { header: header(['email']), options: plain }
    const chunk = chunkOf({ ...form, outcome: 'imported', rows: [], cut: 0 })
    expect(chunk.answer).toHaveLength(0)
    expect(chunk.counts).toEqual({ created: 0, updated: 0, unchanged: 0, invalid: 0, skipped: 0 })
    expect(answeredRows(chunk, createAnswerReader(form.header, plain))).toEqual([])
    expect(meantUsers(chunk, createAnswerReader(form.header, plain))).toEqual([])
    expect(invalidText(chunk)).toBe('')
  })

  it('knows its first row, and how many rows came to what', () => {
    const dispositions = ['created', 'updated', 'unchanged', 'invalid', 'skipped', 'invalid'] as const
    const rows = dispositions.map((each, index) => rowOf(index + 52, each, ['a']))
    const chunk = chunkOf({ header: header(['email']), options: plain, outcome: 'imported', rows, cut: 2 })
    expect(chunk.firstRow).toBe(52)
    expect(chunk.counts).toEqual({ created: 1, updated: 1, unchanged: 1, invalid: 2, skipped: 1 })
  })

  it('gives the text of its invalid rows alone, whatever stands around them', () => {
    const cells = [['a"b'], ['é😀\r\n'], ['plain'], ['\0'], ['x\ny'], ['']]
    const rows = cells.map((each, index) => rowOf(index + 2, index % 2 === 0 ? 'invalid' : 'created', each))
    const form = { header: header(['email']), options: plain, outcome: 'imported' as const }
    const invalid = rows.filter(({ disposition }) => disposition === 'invalid')
    const alone = chunkOf({ ...form, rows: invalid, cut: 0 })
    expect(invalidText(chunkOf({ ...form, rows, cut: 3 }))).toBe(alone.answer.toString())
  })

  it('holds the ids of users only where the text does not', () => {
    const rows = [rowOf(2, 'created', ['', 'a@x.org']), rowOf(3, 'invalid', ['', ''])]
    const given = { outcome: 'imported' as const, cut: 0 }
    const without = chunkOf({ ...given, header: header(['email']), options: plain, rows })
    expect(without.notes.toString()).toContain(idOf('user2'))
    const returned = { ...plain, returnId: true }
    const withId = [{ ...rows[0]!, cells: [idOf('user2'), 'a@x.org'] }, rows[1]!]
    for (const chunk of [
      chunkOf({ ...given, header: header(['email']), options: returned, rows }),
      chunkOf({ ...given, header: header(['id', 'email']), options: plain, rows: withId }),
    ]) {
      expect(chunk.notes.toString()).not.toContain('user2')
      expect(chunk.answer.toString()).toContain(idOf('user2'))
    }
  })

  it('of a dry run tells no id, though an id was sent', () => {
    const sent = [idOf('anna'), 'anna@x.org']
    const annotated: AnnotatedRow = {
      row: { number: 2, cells: sent, faults: [] },
      disposition: 'updated',
      faults: [],
      id: idOf('anna'),
      changed: ['email'],
    }
    const rows = [answering(['id', 'email'], 'valid')(annotated)]
    const form = header(['id', 'email'])
    const chunk = chunkOf({ header: form, options: plain, outcome: 'valid', rows, cut: 0 })
    expect(answeredRows(chunk, createAnswerReader(form, plain))).toEqual([
      { number: 2, disposition: 'updated', faults: [], id: null, cells: sent, changed: ['email'] },
    ])
  })

  it(`gives back the rows that it was made of (seed ${seed})`, () => {
    fc.assert(
      fc.property(cases, (asked) => {
        const chunk = chunkOf(asked)
        const reader = createAnswerReader(asked.header, asked.options)
        const stored = { firstRow: chunk.firstRow, answer: chunk.answer, notes: chunk.notes }
        expect(answeredRows(stored, reader)).toEqual(asked.rows)
        expect(meantUsers(stored, reader)).toEqual(asked.rows.map(({ id }) => id))
      }),
      { seed, numRuns: 1_500 },
    )
  })

  it(`is the same however its rows come (seed ${seed})`, () => {
    fc.assert(
      fc.property(cases, (asked) => {
        expect(chunkOf(asked)).toEqual(chunkOf({ ...asked, cut: asked.rows.length }))
      }),
      { seed, numRuns: 200 },
    )
  })
})

const cells = fc.oneof(
  fc
    .array(
      fc.constantFrom(
        ...['a', '"', '""', ',', ';', '|', '\t', '\n', '\r', '\r\n', '\n\r', ' ', '=', 'é', '😀'],
        ...['\0', '\uFEFF', '\u2028', '\uFFFD', 'imported', '\u001F', "'"],
      ),
      { maxLength: 6 },
    )
    .map((all) => all.join('')),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
)

const faults = fc.constantFrom(
  emailRequired(),
  unknownId('a "quoted"\r\nid, with; everything|\t'),
  notUnique('email', '\0\uFEFFé'),
)

/** A cell, and the id that it means: with white space around it, and the apostrophe of an export before a formula. */
const ids = fc
  .tuple(fc.constantFrom('', ' ', '\u00A0'), fc.boolean(), fc.stringMatching(/^[\w-]{1,36}$/))
  .map(([space, isExported, id]) => ({
    id,
    cell: `${space}${isExported && id.startsWith('-') ? "'" : ''}${id}${space}`,
  }))

const dispositionsOf: readonly Disposition[] = ['created', 'updated', 'unchanged', 'invalid', 'skipped']

/** Rows as `answering` makes them: as wide as the header, with an id where somebody is imported. */
function rowsFor(columns: Layout, outcome: Outcome): fc.Arbitrary<AnsweredRow[]> {
  const idAt = columns.indexOf('id')
  const width = columns.length
  const row = fc
    .record({
      disposition: fc.constantFrom(...dispositionsOf),
      faults: fc.array(faults, { minLength: 1, maxLength: 3 }),
      id: ids,
      cells: fc.array(cells, { minLength: width, maxLength: width }),
      changed: fc.constantFrom(['email'], ['slug', 'givenName']),
    })
    .map(({ disposition, faults, id: { id, cell }, cells: given, changed }): Omit<AnsweredRow, 'number'> => {
      const isImported = disposition !== 'invalid' && disposition !== 'skipped' && outcome === 'imported'
      const sent = disposition === 'skipped' ? given.map((cell) => cell.replaceAll(/\S/g, '')) : given
      return {
        disposition,
        faults: disposition === 'invalid' ? faults : [],
        id: isImported ? id : null,
        cells: isImported && idAt !== -1 ? sent.with(idAt, cell) : sent,
        changed: disposition === 'updated' ? changed : [],
      }
    })
  return fc
    .tuple(fc.array(row, { maxLength: 8 }), fc.integer({ min: 2, max: 1_000_000 }))
    .map(([rows, first]) => rows.map((each, index) => ({ number: first + index, ...each })))
}

const layouts: readonly Layout[] = [
  ['email'],
  ['id'],
  ['email', undefined, 'givenName'],
  ['slug', 'id', undefined],
]

const cases: fc.Arbitrary<Case> = fc
  .record({
    columns: fc.constantFrom(...layouts),
    dialect: fc.record({
      delimiter: fc.constantFrom(',', ';', '\t', '|'),
      lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
      bom: fc.boolean(),
    }),
    options: fc.record({ onlyInvalid: fc.boolean(), detailed: fc.boolean(), returnId: fc.boolean() }),
    outcome: fc.constantFrom('imported' as const, 'valid' as const),
    cut: fc.nat({ max: 8 }),
  })
  .chain(({ columns, dialect, options, outcome, cut }) =>
    rowsFor(columns, outcome).map((rows) => ({
      header: header(columns, dialect),
      options,
      outcome,
      rows,
      // A chunk without rows does not know where it begins.
      cut: Math.min(cut, rows.length),
    })),
  )
