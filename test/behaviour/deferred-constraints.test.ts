import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { upload } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

describe('a row that only the database refuses, and only when the transaction ends', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
    await service.knex.raw(`
      create function no_odd() returns trigger language plpgsql as $$ begin
        if new.given_name = 'Odd' then raise exception 'odd' using errcode = 'check_violation'; end if;
        return null;
      end $$`)
    await service.knex.raw(`
      create constraint trigger no_odd after insert or update on users deferrable initially deferred
        for each row execute function no_odd()`)
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  it.each([
    ['', 200, 139],
    ['dryRun=true', 200, 0],
    ['strict=true', 422, 0],
  ])('is invalid, and just that row, with ?%s', async (query, status, stored) => {
    const rows = numbered(0, 140).trimEnd().split('\n')
    rows[77] = 'u-77,u-77@example.com,Odd'
    const answer = await upload(service, `${numberedHeader}${rows.join('\n')}\n`, { query })
    expect(answer.status).toBe(status)
    const invalid = rowsOf(answer.text).flatMap(({ disposition }, at) =>
      disposition === 'invalid' ? [at] : [],
    )
    expect(invalid).toEqual([77])
    expect(await service.knex('users').pluck('slug')).toHaveLength(stored)
  })
})
