import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { upload } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

describe('a row that a trigger of somebody drops without a word', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
    await service.knex.raw(`
      create function drop_odd() returns trigger language plpgsql as $$ begin
        if new.given_name = 'Odd' then return null; end if;
        return new;
      end $$`)
    await service.knex.raw(
      `create trigger drop_odd before insert or update on users for each row execute function drop_odd()`,
    )
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  const body = (): string => {
    const rows = numbered(0, 140).trimEnd().split('\n')
    rows[77] = 'u-77,u-77@example.com,Odd'
    return `${numberedHeader}${rows.join('\n')}\n`
  }
  const invalidOf = (text: string): number[] =>
    rowsOf(text).flatMap(({ disposition }, at) => (disposition === 'invalid' ? [at] : []))

  it('is never reported as imported, and its neighbours are, where they are new', async () => {
    const { text } = await upload(service, body())
    expect(invalidOf(text)).toEqual([77])
    expect(await service.knex('users').pluck('slug')).toHaveLength(139)
  })

  it('is never reported as imported, and its neighbours are, where they are known', async () => {
    await upload(service, numberedHeader + numbered(0, 140, 'Before'))
    const { text } = await upload(service, body())
    expect(invalidOf(text)).toEqual([77])
    const stored = await service.knex('users').where('given_name', 'like', 'Before%').pluck('slug')
    expect(stored).toEqual(['u-77'])
  })
})
