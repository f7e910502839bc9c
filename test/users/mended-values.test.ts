import { describe, expect, it } from '@jest/globals'
import { columnIndex, columns, type ColumnName } from '../../src/users/columns.ts'

const today = '2026-11-22'

/** The canonical form of a value; `undefined` where the column refuses it. */
function canonical(name: ColumnName, value: string): string | undefined {
  const schema = columns[columnIndex[name]]!.schema({ today })
  return schema.isValidSync(value) ? schema.validateSync(value) : undefined
}

describe('a value', () => {
  it.each<[ColumnName, string, string]>([
    ['phoneNumber', '(+49) 30 1234567', '+49301234567'],
    ['phoneNumber', '(+1) 415 555 0132', '+14155550132'],
    ['phoneNumber', '(+49)30/1234567;ext=12', '+49301234567;ext=12'],
    ['birthdate', '1990-05-04T00:00:00+14:00', '1990-05-04'],
    ['birthdate', '1990-05-04T00:00:00-0930', '1990-05-04'],
    ['zoneinfo', 'ASIA/KOLKATA', 'Asia/Kolkata'],
    ['zoneinfo', 'asia/kolkata', 'Asia/Kolkata'],
    ['zoneinfo', 'Asia/Kolkata', 'Asia/Kolkata'],
    ['zoneinfo', 'america/argentina/buenos_aires', 'America/Argentina/Buenos_Aires'],
    ['website', 'http://x.example/a\\b', 'http://x.example/a\\b'],
  ])('of %s is %j, which is %j', (name, value, expected) => {
    expect(canonical(name, value)).toBe(expected)
  })

  it.each<[ColumnName, string]>([
    ['phoneNumber', '((+49) 30 1234567'],
    ['phoneNumber', '(49) 30 1234567'],
    ['phoneNumber', '(+)'],
    ['birthdate', '1990-05-04T00:00:00+99:99'],
    ['birthdate', '1990-05-04T00:00:00+15:00'],
    ['birthdate', '1990-05-04T00:00:00-01:60'],
    ['website', 'http://\\x'],
    ['website', 'http:\\\\x'],
    ['website', 'https:///x'],
    ['profile', 'https://\\x.example'],
    ['picture', 'http://\\\\x.example/a.png'],
    ['zoneinfo', 'ASIA/NOWHERE'],
  ])('of %s is not %j', (name, value) => {
    expect(canonical(name, value)).toBeUndefined()
  })
})
