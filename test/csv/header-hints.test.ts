import { describe, expect, it } from '@jest/globals'
import type { ColumnName } from '../../src/users/columns.ts'
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
    ['naïve & co=100%+', 'name'],
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
    expect(message).toMatch(/is it [a-zA-Z]+[12]?\?/)
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
})
