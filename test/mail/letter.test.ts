import { describe, expect, it } from '@jest/globals'
import { composeLetter, type LetterFacts } from '../../src/mail/letter.ts'
import { plain, wrapped } from '../../src/mail/plain.ts'
import { asHtml, asText } from '../../src/mail/render.ts'
import { factsOf } from './letters.ts'

const textOf = (more: Partial<LetterFacts> = {}): string => asText(composeLetter(factsOf(more)))
const htmlOf = (more: Partial<LetterFacts> = {}): string => asHtml(composeLetter(factsOf(more)))
const subjectOf = (more: Partial<LetterFacts> = {}): string => composeLetter(factsOf(more)).subject

const counts = { created: 0, updated: 0, unchanged: 0, invalid: 0, skipped: 0 }
const hostile = 'a\r\nBcc: eve@example.com\u0000\u202Egnp.exe <script>alert(1)</script> "&\u2028x'

describe('a letter', () => {
  it('lets no file name, id, column or reason break its lines, turn its direction or become HTML', () => {
    const more = {
      fileName: hostile,
      ownId: hostile,
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
      faults: [{ code: `${'c'.repeat(100)}.invalid`, column: 'c'.repeat(100), count: 1_000_000 }],
      reason: { code: 'x', detail: 'word '.repeat(100) },
    }
    for (const kind of ['finished', 'stopped', 'failed'] as const) {
      const lines = textOf({ ...more, kind }).split('\n')
      expect(lines.filter((line) => Array.from(line).length > 78 && !line.startsWith('https://'))).toEqual([])
    }
  })

  it('tells counts, faults by code and column, and where to look', () => {
    const text = textOf()
    expect(text).toContain('3 of 5 rows were imported; 1 is invalid.')
    expect(text).toMatch(/created +2\n +updated +1\n +unchanged +0\n +invalid +1\n +skipped +1\n/)
    expect(text).toContain('1  email.invalid in email')
    expect(text).toContain(`\n${factsOf().link}\n`)
    expect(text).toContain(`\n${factsOf().link}/result.csv?only=invalid\n`)
    expect(text).toContain('Received  2026-11-24 01:02:03 UTC')
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
      ['You need not do anything.', '/result.csv\n'],
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
      ['0 of 0 rows were imported.'],
    ],
    [
      'some are invalid',
      {},
      'Import for helping-hands finished: 3 of 5 rows imported, 1 invalid',
      ['Mend the cells and upload it as it is.'],
    ],
    [
      'a dry run',
      { mode: 'dryRun' },
      'Dry run for helping-hands finished: 3 of 5 rows valid, 1 invalid',
      [
        'without dryRun',
        '3 of 5 rows would be imported; 1 is invalid.',
        'nothing was written',
        'created (not written)',
      ],
    ],
    [
      'a strict import that was refused',
      { mode: 'strict', refused: true },
      'Import for helping-hands refused: 1 of 5 rows invalid',
      [
        'nothing was written',
        'created (not written)',
        '1 of 5 rows is invalid',
        'holds all rows',
        '/result.csv These',
      ],
    ],
    [
      'members',
      { importKind: 'members', ownId: 'night-24', counts: { ...counts, created: 1, invalid: 2 } },
      'Import for helping-hands finished: 1 of 3 members imported, 2 invalid',
      ['under a new id', 'night-24', '/result\n', 'members    3'],
    ],
    [
      'stopped',
      { kind: 'stopped', reason: { code: 'import.stopped', detail: 'Somebody stopped it.' } },
      'Import for helping-hands was stopped',
      ['Somebody stopped it.', 'Before that 3 rows were imported, and stay so.', 'send all of it again'],
    ],
    [
      'a strict import that was stopped',
      { kind: 'stopped', mode: 'strict', counts },
      'Import for helping-hands was stopped',
      ['Nothing was written.'],
    ],
    [
      'failed',
      { kind: 'failed', reason: { code: 'x', detail: 'It was tried five times.' } },
      'Import for helping-hands failed',
      ['given up', 'It was tried five times.', 'whoever runs the service'],
    ],
  ])('says what happened and what to do: %s', (_, facts, subject, says) => {
    expect(subjectOf(facts)).toBe(subject)
    const text = textOf(facts)
    for (const part of says) expect(text.replace(/\s+/g, ' ')).toContain(part.replace(/\s+/g, ' '))
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
