import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { columnNames, type ColumnName } from '../../src/users/columns.ts'
import { read, refusal } from './reading.ts'

/** The query string of every hint in a refusal. */
const hintsIn = (message: string): URLSearchParams[] =>
  [...message.matchAll(/\((\?map=[^\s)]+)\)/g)].map(([, query]) => new URLSearchParams(query))

/** The map of `?map=`, as the route reads it. */
const mapOf = (hints: readonly URLSearchParams[]): Map<ColumnName, string> =>
  new Map(
    hints.map((hint) => {
      const mapping = hint.get('map') ?? ''
      const colon = mapping.indexOf(':')
      return [mapping.slice(0, colon) as ColumnName, mapping.slice(colon + 1)]
    }),
  )

describe('the hint for a name of the header', () => {
  it.each<[string, ColumnName]>([
    ['Last Name', 'familyName'],
    ['last_name', 'familyName'],
    ['Surname', 'familyName'],
    ['First Name', 'givenName'],
    ['Full Name', 'name'],
    ['Display-Name', 'name'],
    ['Username', 'preferredUsername'],
    ['Birthday', 'birthdate'],
    ['Date of Birth', 'birthdate'],
    ['DOB', 'birthdate'],
    ['Mobile', 'phoneNumber'],
    ['Street', 'addressLine1'],
    ['City', 'addressCity'],
    ['State', 'addressState'],
    ['Zip', 'addressPostal'],
    ['ZIP Code', 'addressPostal'],
    ['Postcode', 'addressPostal'],
    ['Country', 'addressCountry'],
    ['Language', 'locale'],
    ['Time Zone', 'zoneinfo'],
    ['Avatar', 'picture'],
    ['Employee ID', 'slug'],
    ['givenNmae', 'givenName'],
    ['Given/Name', 'givenName'],
    ['näme & +', 'name'],
    ['Given & Name=%', 'givenName'],
  ])('%s is a query string that works when it is used', async (name, column) => {
    const upload = `email,${name}\na@example.com,x\n`
    const { message } = await refusal(upload)
    const hints = hintsIn(message)
    expect(hints).toHaveLength(1)
    if (!name.includes('&')) expect(message).toContain(`is it ${column}?`)
    const { header } = await read(upload, { columnMap: mapOf(hints) })
    expect(header.columns).toEqual(['email', [...mapOf(hints).keys()][0]])
    if (!name.includes('&')) expect(header.columns[1]).toBe(column)
  })

  it('does not name a column that the header has already', async () => {
    const { message } = await refusal('email,familyName,Last Name\n')
    expect(message).not.toContain('is it familyName')
  })

  it.each(['__proto__', 'constructor', 'toString'])('knows no other name %s', async (name) => {
    const { message } = await refusal(`email,${name}\n`)
    expect(message).toMatch(/(?:is it|the nearest known name is) [a-zA-Z]+[12]?/)
  })

  it.each<[string[], ColumnName[]]>([
    [
      ['Last Name', 'Birthday', 'Zip'],
      ['familyName', 'birthdate', 'addressPostal'],
    ],
    [
      ['First Name', 'Last Name', 'Mail'],
      ['givenName', 'familyName', 'email'],
    ],
  ])('works together with those of the others: %j', async (names, columns) => {
    const upload = `${[...names, 'id'].join(',')}\n`
    const hints = hintsIn((await refusal(upload)).message)
    const { header } = await read(upload, { columnMap: mapOf(hints) })
    expect(header.columns).toEqual([...columns, 'id'])
  })

  it('names another column when one of the same meaning has taken the first', async () => {
    const upload = 'id,Surname,Last Name\n'
    const [first] = hintsIn((await refusal(upload)).message)
    const { message } = await refusal(upload, { columnMap: mapOf([first!]) })
    expect(message).toContain('"Last Name", is unknown')
    expect(message).not.toContain('is it familyName')
  })

  it('is no query string where no name is near', async () => {
    for (const name of ['Ünbekannt', 'x', 'Total number of shares', 'naïve & co=100%+']) {
      const { message } = await refusal(`slug,${name}\n`)
      expect(message).toMatch(/is unknown: the nearest known name is [a-zA-Z]+[12]?\./)
      expect(message).not.toContain('?map')
    }
  })

  it('names a column once, for the name that is nearest to it', async () => {
    const { message } = await refusal('id,Ünbekannt,Work Email,emial,emaill,x1,x2\n')
    expect(message).toContain('"emaill", is unknown: is it email? (?map=email:emaill)')
    expect(message).toContain('"emial", is unknown: the nearest known name is email;')
    expect(message.match(/\?map=/g)).toHaveLength(1)
  })

  it('is of use together with all others, whatever the names are', async () => {
    const near = fc
      .tuple(fc.constantFrom(...columnNames), fc.string({ maxLength: 3 }))
      .map(([column, end]) => column.slice(1) + end)
    const name = fc.oneof(near, fc.constantFrom('Surname', 'Last Name', 'Phone', 'Mobile'), fc.string())
    await fc.assert(
      fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 12 }), async (names) => {
        const quoted = names.map((each) => `"${each.replaceAll('"', '""')}"`).join()
        const upload = `id,${quoted},unknown\n`
        const hints = hintsIn((await refusal(upload)).message)
        const map = mapOf(hints)
        expect(map.size).toBe(hints.length)
        const again = await refusal(upload, { columnMap: map })
        expect(again.message).not.toContain('which the header does not have')
      }),
      { numRuns: 300 },
    )
  })
})

describe('a name that ?map has taken the column from', () => {
  const columnMap = new Map<ColumnName, string>([['email', 'Work Email']])

  it('is told which column is read in its place', async () => {
    const { message } = await refusal('Work Email,id,E-Mail\n', { columnMap })
    expect(message).toContain(
      'column 3, "E-Mail", is not read as email, since ?map gives that to column 1, "Work Email": ' +
        'rename or remove column 3',
    )
    expect(message).not.toContain('is it')
    expect(message).not.toContain('?map=')
  })

  it('is told what to leave out where the header has no such column', async () => {
    const { message } = await refusal('id,email\n', { columnMap })
    expect(message).toContain(
      'column 2, "email", is not read as email, since ?map gives that to "Work Email": leave that out of the query',
    )
    expect(message).not.toContain('is it')
  })

  it('may be the name of another column', async () => {
    const swapped = new Map<ColumnName, string>([
      ['email', 'slug'],
      ['slug', 'email'],
    ])
    const { header } = await read('email,slug\n', { columnMap: swapped })
    expect(header.columns).toEqual(['slug', 'email'])
  })
})

describe('a column of an answer that stands alone', () => {
  it.each([
    ['disposition,email', 1, 'disposition'],
    ['errors,email', 1, 'errors'],
    ['email,disposition,errors', 3, 'errors'],
    ['errors,disposition,email', 2, 'disposition'],
    ['Disposition,Errors,email', 1, 'Disposition'],
  ])('is no column of ours: %s', async (header, position, name) => {
    const { message } = await refusal(`${header}\n`)
    expect(message).toContain(
      `column ${position}, "${name}", is a column of an answer: ` +
        'begin the header with disposition,errors or remove it',
    )
    expect(message).not.toContain('is it')
    expect(message).not.toContain('?map=')
  })

  it('is passed through where unknown columns are, and may be mapped', async () => {
    expect((await read('disposition,email\n', { echoUnknown: true })).header.names).toHaveLength(2)
    const columnMap = new Map<ColumnName, string>([['slug', 'errors']])
    expect((await read('errors,email\n', { columnMap })).header.columns).toEqual(['slug', 'email'])
  })
})
