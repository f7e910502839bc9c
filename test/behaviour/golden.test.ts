import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { rowsOf } from '../support/csv.ts'
import { startService, type Service } from '../support/service.ts'

const root = join(import.meta.dirname, '../..')
const folders = ['fixtures/csv', 'fixtures/csv/reading', '../shared/golden']

const expectedOf = (file: string): string => file.replace(/\.csv$/, '.expected.csv')

/** Every upload that has its expected answer beside it. */
const files = folders
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
  .filter((file) => /(?<!\.expected)\.csv$/.test(file) && existsSync(join(root, expectedOf(file))))

const newId = /(?<=^imported,,)[A-Za-z0-9][A-Za-z0-9_-]{35}(?=,)/gm

describe('a file that is posted', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  it.each(files)('comes back byte for byte as expected: %s', async (file) => {
    const { status, text } = await service.post(readFileSync(join(root, file)))
    expect(status).toBe(200)
    expect(text.replace(newId, '<id>')).toBe(readFileSync(join(root, expectedOf(file)), 'utf8'))
  })

  it('gives every new user an id of his own, which the database has', async () => {
    const { text } = await service.post(readFileSync(join(root, 'fixtures/csv/users-valid.csv')))
    const ids = rowsOf(text).map(({ id }) => id)
    expect(new Set(ids).size).toBe(4)
    await expect(service.knex('users').orderBy('slug').pluck('id')).resolves.toEqual(ids)
  })

  it('leaves no user behind where every row is invalid', async () => {
    await service.post(readFileSync(join(root, 'fixtures/csv/users-invalid.csv')))
    await expect(service.knex('users')).resolves.toEqual([])
  })

  it('can be mended in its answer and posted again', async () => {
    const upload = 'email,givenName\nanna@example.com,Anna\nbob.example.com,Bob\n'
    const { text: refused } = await service.post(upload)
    expect(rowsOf(refused).map(({ disposition }) => disposition)).toEqual(['imported', 'invalid'])
    const mended = refused.replace(',bob.example.com,', ',bob@example.com,')
    const { text } = await service.post(mended, { query: 'dispositions=detailed' })
    expect(text).toBe(
      'disposition,errors,email,givenName\nunchanged,,anna@example.com,Anna\ncreated,,bob@example.com,Bob\n',
    )
  })

  it('changes nothing when its answer is posted as it is', async () => {
    const { text } = await service.post(readFileSync(join(root, 'fixtures/csv/users-valid.csv')))
    const again = await service.post(text, { query: 'dispositions=detailed' })
    expect(again.text).toBe(text.replaceAll(/^imported/gm, 'unchanged'))
  })
})
