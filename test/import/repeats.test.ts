import { describe, expect, it } from '@jest/globals'
import { Repeats } from '../../src/import/repeats.ts'
import { buildUser, fileOf, newId, outcomes, runImport } from './builders.ts'
import { MemoryDirectory } from './memory-directory.ts'

describe('what a file has meant', () => {
  it('knows nobody at first', () => {
    expect(new Repeats().find(newId())).toBeUndefined()
  })

  it('knows a hundred thousand users exactly, and nobody else', () => {
    const repeats = new Repeats()
    const ids = Array.from({ length: 100_000 }, newId)
    ids.forEach((id, index) => {
      repeats.add(id, { row: index + 2, gave: index % 16 })
    })
    const wrong = ids.filter((id, index) => {
      const found = repeats.find(id)
      return found?.row !== index + 2 || found.gave !== index % 16
    })
    expect(wrong).toEqual([])
    expect(Array.from({ length: 100_000 }, newId).filter((id) => repeats.find(id) !== undefined)).toEqual([])
  })

  it('tells ids apart that differ in one letter or in the order of two', () => {
    const repeats = new Repeats()
    const id = `${'ab'.repeat(17)}cd`
    const near = Array.from({ length: 36 }, (_, at) => `${id.slice(0, at)}_${id.slice(at + 1)}`)
    repeats.add(id, { row: 2, gave: 1 })
    expect(
      [...near, 'ba'.repeat(18), id.toUpperCase(), '', id.slice(1)].filter((each) => repeats.find(each)),
    ).toEqual([])
  })

  it('holds the greatest row numbers of an upload', () => {
    const repeats = new Repeats()
    repeats.add('a', { row: 2 ** 28 - 1, gave: 15 })
    repeats.add('b', { row: 1_000_001, gave: 0 })
    expect(repeats.find('a')).toEqual({ row: 2 ** 28 - 1, gave: 15 })
    expect(repeats.find('b')).toEqual({ row: 1_000_001, gave: 0 })
  })
})

describe('a key that is repeated', () => {
  it.each([1, 2_000, 20_000])(
    'names the earlier row %i rows later, in other letters too',
    async (distance) => {
      const users = new MemoryDirectory()
      const between = Array.from({ length: distance - 1 }, (_, index) => ({
        email: `between-${index}@x.org`,
      }))
      const file = fileOf({ email: 'anna@x.org' }, ...between, { email: 'ANNA@X.org' })
      const rows = await runImport({ users, ...file, batch: 1_000 })
      const fault = 'Validation error: email must be unique in the file, but row 2 has ANNA@X.org'
      expect(outcomes(rows)).toEqual([...new Array<string>(distance).fill('created'), fault])
    },
  )

  it('is found as well where the user was known before', async () => {
    const users = new MemoryDirectory()
    const anna = buildUser({ email: 'anna@x.org' })
    users.usersOf(1).set(anna.id, anna)
    const file = fileOf({ email: 'anna@x.org' }, { email: 'b@x.org' }, { id: anna.id })
    const fault = 'Validation error: id must mean a user once in the file, but row 2 means the same user'
    expect(outcomes(await runImport({ users, ...file, batch: 1 }))).toEqual(['unchanged', 'created', fault])
  })
})
