import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { columnNames, type ColumnName } from '../../src/users/columns.ts'
import { read, refusal } from './reading.ts'

const map = (...entries: [ColumnName, string][]) => ({ columnMap: new Map(entries) })

describe('a header', () => {
  it('is refused with the nearest column and the query string that would help', async () => {
    const error = await refusal('id,Work Email,emial\n')
    expect(error).toMatchObject({ code: 'csv.header', status: 400 })
    expect(error.message).toContain('column 2, "Work Email", is unknown')
    expect(error.message).toContain('column 3, "emial", is unknown: is it email? (?map=email:emial)')
    expect(error.message).toContain('?unknown=echo')
  })

  it('is refused if a name repeats, also an unknown one that would be passed through', async () => {
    expect((await refusal('id,E-Mail,email\n')).message).toContain(
      'column 3, "email", repeats column 2, "E-Mail"',
    )
    expect((await refusal('id,foo,Foo\n', { echoUnknown: true })).message).toContain('repeats column 2')
  })

  it('is refused without any of id, slug and email', async () => {
    expect((await refusal('name,locale\n')).message).toContain('id, slug and email')
  })

  it('is refused if a name that ?map gives does not occur', async () => {
    expect((await refusal('id,email\n', map(['slug', 'Login']))).message).toContain('"Login"')
  })

  it('is refused if two columns are to go by one name', async () => {
    expect((await refusal('id,x\n', map(['slug', 'x'], ['email', 'X']))).message).toContain('?map=slug')
  })

  it('is refused with the first ten problems and how many more there are', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `w${index}`)
    const { message } = await refusal(['id', ...names].join(','))
    expect(message).toContain('"w9"')
    expect(message).not.toContain('"w10"')
    expect(message).toContain('and 15 more')
  })

  it('is refused in at most 1,500 bytes, whatever it holds', async () => {
    const name = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.constantFrom('𝒳'.repeat(100), '語'.repeat(50_000), '\u0007'.repeat(200), '__proto__'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 40 }), async (names) => {
        const header = ['unknown', ...names].map((each) => `"${each.replaceAll('"', '""')}"`).join(',')
        const error = await refusal(header)
        expect(error.code).toBe('csv.header')
        expect(Buffer.byteLength(error.message)).toBeLessThanOrEqual(1_500)
      }),
      { numRuns: 200 },
    )
  })

  it('may spell names in any way', async () => {
    const { header } = await read('Given Name,E-Mail,FAMILY_NAME,phone.number," roles "\n')
    expect(header.columns).toEqual(['givenName', 'email', 'familyName', 'phoneNumber', 'roles'])
    expect(header.names[0]).toBe('Given Name')
  })

  it('may name columns as ?map says, which then go by no other name', async () => {
    const { header } = await read('work email,Email,id\n', {
      ...map(['email', 'Work-Email']),
      echoUnknown: true,
    })
    expect(header.columns).toEqual(['email', undefined, 'id'])
    expect((await read('Name\n', map(['email', 'name']))).header.columns).toEqual(['email'])
  })

  it('may have blank names and, if asked, unknown ones', async () => {
    const { header } = await read('id,,team, \n', { echoUnknown: true })
    expect(header).toMatchObject({
      names: ['id', '', 'team', ' '],
      columns: ['id', undefined, undefined, undefined],
    })
  })

  it('may hold line breaks in quotes', async () => {
    const { header, cells } = await read('id,"given\r\nname"\n1,2\n')
    expect(header).toMatchObject({ columns: ['id', 'givenName'], lineEnd: '\n' })
    expect(cells).toEqual([['1', '2']])
  })

  it('of every known name is known', async () => {
    expect((await read(columnNames.join(';').toUpperCase())).header.columns).toEqual(columnNames)
  })
})
