import { describe, expect, it } from '@jest/globals'
import type { LetterFacts } from '../../src/mail/facts.ts'
import { composeLetter } from '../../src/mail/letter.ts'
import { plain, wrapped } from '../../src/mail/plain.ts'
import { asHtml, asText } from '../../src/mail/render.ts'
import { factsOf } from './letters.ts'

const textOf = (more: Partial<LetterFacts> = {}): string => asText(composeLetter(factsOf(more)))
const htmlOf = (more: Partial<LetterFacts> = {}): string => asHtml(composeLetter(factsOf(more)))
const subjectOf = (more: Partial<LetterFacts> = {}): string => composeLetter(factsOf(more)).subject

const counts = { created: 0, updated: 0, unchanged: 0, invalid: 0, skipped: 0 }
const hostile = 'a\r\nBcc: eve@example.com\u0000\u202Egnp.exe <script>alert(1)</script> "&\u2028x'

describe('a letter', () => {
  it('lets no file name, id, caller, column or reason break its lines, turn its direction or become HTML', () => {
    const more = {
      fileName: hostile,
      ownId: hostile,
      caller: hostile,
      reason: { code: 'x', detail: hostile },
      kind: 'stopped' as const,
      faults: [{ code: `${hostile}.invalid`, column: hostile, count: 1 }],
    }
    const [text, html] = [textOf(more), htmlOf(more)]
    expect(text).not.toMatch(/^Bcc/m)
    expect(text + html).not.toMatch(/[\u0000\r\u2028\u202E]/)
    expect(html).not.toContain('<script')
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &quot;&amp; x')
    expect(subjectOf(more)).toBe('Import for helping-hands was stopped')
  })

  it('cuts a file name after 100 characters, whatever they are', () => {
    const name = '𝒜'.repeat(101)
    const shown = /(𝒜+…?)/u.exec(textOf({ fileName: name }).replace(/\n +/g, ''))?.[1] ?? ''
    expect(Array.from(shown)).toHaveLength(100)
    expect(shown.endsWith('…')).toBe(true)
    expect(plain('x'.repeat(100))).toBe('x'.repeat(100))
  })

  it('keeps its lines to 78 columns, but for addresses', () => {
    const more = {
      fileName: 'w'.repeat(300),
      ownId: `${'i'.repeat(90)} ${'j'.repeat(90)}`,
      caller: `auth0|${'k'.repeat(300)}`,
      faults: [{ code: `${'c'.repeat(100)}.invalid`, column: 'c'.repeat(100), count: 1_000_000 }],
      reason: { code: 'x', detail: 'word '.repeat(100) },
    }
    for (const kind of ['finished', 'stopped', 'failed'] as const) {
      const lines = textOf({ ...more, kind }).split('\n')
      expect(lines.filter((line) => Array.from(line).length > 78 && !line.startsWith('https://'))).toEqual([])
    }
  })

  it('says who asked, cut after 100 characters: a user, or a program that called for itself', () => {
    const flat = (facts: Partial<LetterFacts>): string => textOf(facts).replace(/\s+/g, ' ')
    const user = flat({ caller: 'auth0|4711' })
    expect(user).toContain('Asked by auth0|4711 ')
    expect(user).toContain('The user auth0|4711 asked for the import, and this is the address of that user.')
    const programOfUser = flat({ importKind: 'members', caller: 'auth0|4711' })
    expect(programOfUser).toContain('The user auth0|4711 asked for the import by a program.')
    const program = flat({ importKind: 'members', caller: 'credential:41d4c9' })
    expect(program).toContain('Asked by credential:41d4c9 ')
    expect(program).toContain('The program credential:41d4c9 asked for the import. It named the user who has')
    expect(textOf({ caller: 'x'.repeat(101) }).replace(/\n +|\n/g, '')).toMatch(/[^x]x{99}…/)
    expect(htmlOf({ caller: '<b>eve</b>' })).toContain('The user &lt;b&gt;eve&lt;/b&gt; asked')
    for (const text of [user, programOfUser, program]) expect(text).not.toContain('somebody who gave')
  })

  it('about an import of nothing says so once, in words', () => {
    const text = textOf({ importKind: 'members', rowsTotal: 0, counts, faults: [] })
    expect(text).toContain('The import for helping-hands has finished: it had no members.')
    expect(text).toContain('If there should have been members, look at what was sent.')
    expect(text).not.toMatch(/\b0\b|created|result/)
    expect(htmlOf({ counts, faults: [] })).not.toMatch(/What became of it|created/)
    expect(textOf({ mode: 'dryRun', counts, faults: [] })).not.toContain('without dryRun')
  })

  it('never sends anybody to a result that was deleted', () => {
    for (const importKind of ['users', 'members'] as const) {
      for (const kind of ['finished', 'stopped', 'failed'] as const) {
        const text = textOf({ importKind, kind, faults: undefined }).replace(/\s+/g, ' ')
        expect(text).not.toMatch(/result (?:says|holds)|says of each/)
        expect(text).toContain('Its result was deleted.')
      }
    }
  })

  it('asks for a new Idempotency-Key where the old one is taken', () => {
    for (const more of [
      {},
      { mode: 'dryRun' },
      { mode: 'strict', refused: true },
      { faults: undefined },
    ] as const)
      expect(textOf({ ...more, ownId: 'key' }).replace(/\s+/g, ' ')).toContain(
        ', under a new Idempotency-Key.',
      )
    const good = { mode: 'dryRun', counts: { ...counts, created: 1 }, faults: [] } as const
    expect(textOf({ ...good, ownId: 'key' })).toContain('without dryRun, under a new Idempotency-Key.')
    expect(textOf(good)).toContain('without dryRun.')
  })

  it('tells in the singular of the only row that was looked at', () => {
    const one = { kind: 'stopped', rowsTotal: 9 } as const
    expect(textOf({ ...one, counts: { ...counts, created: 1 } })).toContain(
      '1 of 9 rows was looked at: 1 was imported and stays so.',
    )
    expect(textOf({ ...one, counts: { ...counts, invalid: 1 } })).toContain(
      '1 of 9 rows was looked at: none was imported, 1 is invalid.',
    )
    expect(textOf({ ...one, counts: { ...counts, created: 8 } })).toContain(
      '8 of 9 rows were looked at: all were imported and stay so.',
    )
  })

  it('about a strict import that never began says no more than that', () => {
    const text = textOf({ kind: 'stopped', mode: 'strict', begun: false, counts, faults: [] })
    expect(text).toContain('was stopped before it began.\nNothing was imported.')
  })

  it('offers the result of a stopped import only where there is one', () => {
    const none = { kind: 'stopped', counts, faults: [] } as const
    expect(textOf(none)).not.toContain('/result')
    expect(textOf(none)).toContain('This link holds no token')
    expect(textOf({ kind: 'stopped' })).toContain('/result.csv?only=invalid')
  })

  it('tells counts, faults by code and column, and where to look', () => {
    const text = textOf()
    expect(text).toContain('3 of 5 rows were imported; 1 is invalid, 1 is blank.')
    expect(text).toMatch(/created +2\n +updated +1\n +unchanged +0\n +invalid +1\n +skipped \(blank\) +1\n/)
    expect(text).toContain('1  email.invalid in email')
    expect(text).toContain(`\n${factsOf().link}\n`)
    expect(text).toContain(`\n${factsOf().link}/result.csv?only=invalid\n`)
    expect(text).toContain('Received   2026-11-24 01:02:03 UTC')
  })

  it('tells ten faults and how many kinds more there are', () => {
    const faults = Array.from({ length: 12 }, (_, index) => ({
      code: `c${index}.invalid`,
      column: index === 9 ? null : `c${index}`,
      count: 1_200 - index,
    }))
    const text = textOf({ faults })
    expect(text).toContain('1,200  c0.invalid in c0')
    expect(text).toContain('1,191  c9.invalid\n')
    expect(text).not.toContain('c10')
    expect(text).toContain('and 2 more kinds of fault')
    expect(htmlOf({ faults })).toContain('<li>and 2 more kinds of fault</li>')
  })

  it('offers no result that was deleted', () => {
    const text = textOf({ faults: undefined })
    expect(text).not.toContain('/result')
    expect(text).not.toContain('frequent')
  })

  it.each<[what: string, facts: Partial<LetterFacts>, subject: string, says: readonly string[]]>([
    [
      'all went well',
      { counts: { ...counts, created: 2_000 }, faults: [] },
      'Import for helping-hands finished: 2,000 of 2,000 rows imported',
      ['You need not do anything.', '/result.csv ', 'rows 2,000 created 2,000'],
    ],
    [
      'one row',
      { counts: { ...counts, created: 1 }, faults: [] },
      'Import for helping-hands finished: 1 of 1 row imported',
      ['1 of 1 row was imported.'],
    ],
    [
      'no rows',
      { counts, faults: [] },
      'Import for helping-hands finished: it had no rows',
      ['has finished: it had no rows.', 'If there should have been rows, look at what was sent.'],
    ],
    [
      'some are invalid',
      {},
      'Import for helping-hands finished: 3 of 5 rows imported, 1 invalid',
      [
        'The import for helping-hands has finished. 3 of 5 rows were imported; 1 is invalid, 1 is blank.',
        'says what is wrong with it. Mend it there, then upload that file.',
      ],
    ],
    [
      'none is good',
      { counts: { ...counts, invalid: 5 } },
      'Import for helping-hands finished: 0 of 5 rows imported, 5 invalid',
      ['None of 5 rows was imported; 5 are invalid.'],
    ],
    [
      'a dry run',
      { mode: 'dryRun' },
      'Dry run for helping-hands finished: 3 of 5 rows valid, 1 invalid',
      [
        'without dryRun',
        '3 of 5 rows would be imported; 1 is invalid, 1 is blank.',
        'nothing was imported',
        'would be created 2',
      ],
    ],
    [
      'a strict import that was refused',
      { mode: 'strict', refused: true },
      'Import for helping-hands refused: 1 of 5 rows invalid',
      [
        '1 of 5 rows is invalid. As all rows or none were to be imported, nothing was imported.',
        'would be created 2',
        'holds all rows',
        '/result.csv These',
      ],
    ],
    [
      'members',
      { importKind: 'members', ownId: 'night-24', counts: { ...counts, created: 1, invalid: 2 } },
      'Import for helping-hands finished: 1 of 3 members imported, 2 invalid',
      ['under a new id', 'Id night-24', '/result ', 'members 3'],
    ],
    [
      'stopped',
      {
        kind: 'stopped',
        importKind: 'members',
        ownId: 'night-24',
        rowsTotal: 60_000,
        counts: { ...counts, created: 2_000, invalid: 50 },
        reason: { code: 'import.stopped', detail: 'what receipts say' },
      },
      'Import for helping-hands was stopped',
      [
        'The import for helping-hands was stopped before its end: somebody sent DELETE for it. ' +
          '2,050 of 60,000 members were looked at: 2,000 were imported and stay so, 50 are invalid.',
        'To import the rest, send all of it again',
        'The same id may be used again.',
        'members 2,050 of 60,000 created 2,000',
      ],
    ],
    [
      'stopped before it began',
      {
        kind: 'stopped',
        ownId: 'key',
        begun: false,
        rowsTotal: 30_000,
        counts,
        faults: [],
        reason: { code: 'import.stopped', detail: 'what receipts say' },
      },
      'Import for helping-hands was stopped',
      [
        'was stopped before it began: somebody sent DELETE for it. Nothing was imported. What',
        'To import it, send it again. The same Idempotency-Key may be used again.',
        'rows 0 of 30,000 File users.csv Idempotency-Key key',
      ],
    ],
    [
      'stopped before its first batch was done, and a total that is not known',
      { kind: 'stopped', rowsTotal: undefined, counts, faults: [] },
      'Import for helping-hands was stopped',
      ['was stopped before its end. Nothing was imported.', 'rows 0 File'],
    ],
    [
      'stopped for a reason of its own',
      { kind: 'stopped', rowsTotal: undefined, reason: { code: 'x', detail: 'It rained.' } },
      'Import for helping-hands was stopped',
      ['was stopped before its end. It rained. 5 rows were looked at: 3 were imported and stay so, 1 is'],
    ],
    [
      'a strict import that was stopped',
      { kind: 'stopped', mode: 'strict', counts },
      'Import for helping-hands was stopped',
      ['As all rows or none were to be imported, nothing was imported.', 'To import it, send it again.'],
    ],
    [
      'a dry run that was stopped',
      { kind: 'stopped', mode: 'dryRun', counts },
      'Dry run for helping-hands was stopped',
      ['As it was a dry run, nothing was imported.', 'To check it, send it again.'],
    ],
    [
      'failed',
      {
        kind: 'failed',
        rowsTotal: 9,
        reason: { code: 'job.exhausted', detail: 'It was tried five times.' },
      },
      'Import for helping-hands failed',
      [
        'The import for helping-hands failed: the service gave it up. It was tried five times. ' +
          '5 of 9 rows were looked at: 3 were imported and stay so, 1 is invalid, 1 is blank.',
        'To import the rest, send all of it again',
        'whoever runs the service',
        'rows 5 of 9',
      ],
    ],
    [
      'failed over what was sent',
      { kind: 'failed', counts, faults: [], reason: { code: 'upload.x', detail: 'It is too long.' } },
      'Import for helping-hands failed',
      ['It is too long. Nothing was imported.', 'Mend what is said above first', 'rows 0 of 5'],
    ],
  ])('says what happened and what to do: %s', (_, facts, subject, says) => {
    expect(subjectOf(facts)).toBe(subject)
    const text = textOf(facts)
    for (const part of says) expect(text.replace(/\s+/g, ' ')).toContain(part)
    expect(text).not.toMatch(/batch|what receipts say/)
    expect(htmlOf(facts)).toContain(`<title>${subject}</title>`)
  })

  it('is an HTML page that has a language and headers of its tables, and fetches nothing', () => {
    const html = htmlOf()
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/)
    expect(html).toContain('<th scope="row"')
    expect(html).toContain('<caption')
    expect(html).toContain(`<a href="${factsOf().link}">`)
    expect(html).not.toMatch(/<(?:script|img|link|iframe|form)|src=|url\(/)
  })
})

describe('wrapped', () => {
  it('breaks between words, and words that are longer than a line', () => {
    const lines = wrapped(`${'a '.repeat(60)}${'b'.repeat(200)} c`, '  x  ').split('\n')
    expect(lines[0]).toMatch(/^ {2}x {2}a a/)
    expect(lines.slice(1).every((line) => line.startsWith('     ') && line.length <= 78)).toBe(true)
    expect(lines.join('').replace(/[ x]/g, '')).toBe(`${'a'.repeat(60)}${'b'.repeat(200)}c`)
  })
})
