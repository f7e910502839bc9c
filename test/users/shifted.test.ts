import { describe, expect, it } from '@jest/globals'
import { columnNames, type ColumnName } from '../../src/users/columns.ts'
import { faultsOf } from '../import/judging.ts'

/** The sentences that say of a row that it is shifted. */
function hints(layout: readonly ColumnName[], cells: readonly string[]): string[] {
  const row = Object.fromEntries(layout.map((name, index) => [name, cells[index] ?? '']))
  return faultsOf(row)
    .map(({ message }) => message)
    .filter((message) => message.includes('shifted'))
}

const layout = ['name', 'email', 'emailVerified', 'phoneNumber', 'birthdate', 'locale', 'roles'] as const
const good = ['Ann Lee', 'ann@x.org', 'TRUE', '+1 415 555 0132', '1990-05-04', 'en', 'organization_member']

describe('a row that is not plainly shifted', () => {
  it.each([
    ['is good', good],
    ['has one fault', good.with(1, 'ann')],
    ['has one fault beside which a value of its kind stands', good.with(0, 'ann@x.org').with(1, 'Lee')],
    ['has several faults', good.with(1, 'ann').with(2, 'perhaps').with(4, '1990-02-30').with(6, 'applicant')],
    ['has two columns that changed places', good.with(1, 'TRUE').with(2, 'ann@x.org')],
    ['has two other columns that changed places', good.with(2, '+1 415 555 0132').with(3, 'TRUE')],
    ['has numbers in it', ['Ann', 'x', '2', '1', '1', '1', '1']],
    ['is of one word', good.map(() => 'x')],
    ['is of placeholders', good.map(() => 'NULL')],
    ['is of e-mail addresses', good.map(() => 'ann@x.org')],
  ])('gets no hint: it %s', (_what, cells) => {
    expect(hints(layout, cells)).toEqual([])
  })
})

describe('a shifted row', () => {
  it('is told where an unquoted delimiter has moved its values on', () => {
    const cells = ['Lee', 'Ann', ...good.slice(1, -1)]
    expect(hints(layout, cells)).toEqual([
      'email must be a valid email, but has Ann (the row seems shifted, for what belongs here stands under ' +
        'emailVerified: a value that holds the delimiter must stand in quotes)',
    ])
  })

  it('is told where there are two of them', () => {
    const cells = ['Lee', 'Ann', 'Dr.', ...good.slice(1, -2)]
    expect(hints(layout, cells)).toEqual([
      expect.stringContaining('stands under phoneNumber: a value that holds'),
    ])
  })

  it('is told where a delimiter is missing', () => {
    expect(hints(layout, good.slice(1))).toEqual([
      'email must be a valid email, but has TRUE (the row seems shifted, for what belongs here stands under name: ' +
        'a value, or the delimiter after a blank one, is missing before it)',
    ])
  })

  it('is told once, whatever the order of the columns', () => {
    const order = [...layout].reverse()
    const cells = ['x', ...[...good].reverse().slice(0, -1)]
    expect(hints(order, cells)).toHaveLength(1)
  })

  it('is told in the template too', () => {
    const cells = columnNames.map((name) => good[(layout as readonly string[]).indexOf(name)] ?? '')
    const shifted = [...cells.slice(0, 6), 'Lee', ...cells.slice(6, -1)]
    expect(hints(columnNames, shifted)).toEqual([
      expect.stringMatching(/^email must .* stands under emailVerified/),
    ])
  })
})
