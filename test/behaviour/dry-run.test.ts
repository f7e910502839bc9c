import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { ended, idOf, idOfBegun, receiptOf, resultOf, untilReceipt, upload } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

const ndjson = { Accept: 'application/x-ndjson' }

describe('?dryRun=true', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
    await service.knex.raw(`alter table users add constraint odd check (given_name <> 'Odd')`)
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  const users = (): Promise<unknown[]> => service.knex('users').select('*').orderBy(['organization_id', 'id'])

  it('writes nothing of the users', async () => {
    await upload(service, numberedHeader + numbered(0, 10))
    const before = await users()
    const answer = await upload(service, numberedHeader + numbered(5, 60, 'Other'), { query: 'dryRun=true' })
    expect(answer.status).toBe(200)
    expect(await users()).toEqual(before)
  })

  it('says valid in place of imported, and in its receipt dryRun', async () => {
    const answer = await upload(service, `${numberedHeader}a,a@example.com,A\nx,x,x\n,,\n`, {
      query: 'dryRun=true',
    })
    expect(rowsOf(answer.text).map(({ disposition }) => disposition)).toEqual(['valid', 'invalid', 'skipped'])
    const receipt = await receiptOf(service, idOf(answer))
    expect(receipt).toMatchObject({ dryRun: true, strict: false, state: 'finished' })
    expect(receipt.counts).toMatchObject({ rows: 3, valid: 1, invalid: 1, skipped: 1 })
    expect(receipt.counts).not.toHaveProperty('imported')
  })

  it('says created, updated and unchanged with ?dispositions=detailed, and which columns would change', async () => {
    await upload(service, numberedHeader + numbered(0, 2))
    const body = `${numberedHeader}u-0,u-0@example.com,Given 0\nu-1,u-1@example.com,Other\nu-2,u-2@example.com,New\n`
    const answer = await upload(service, body, {
      query: 'dryRun=true&dispositions=detailed',
      headers: ndjson,
    })
    const rows = answer.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { disposition: string; changed: string[]; id: unknown })
    expect(rows.map(({ disposition, changed }) => [disposition, changed])).toEqual([
      ['unchanged', []],
      ['updated', ['givenName']],
      ['created', []],
    ])
  })

  it('fills in no cells and gives no ids', async () => {
    const body = 'id,slug,email,providerType,active,status,roles\n,a,a@example.com,,,,\n'
    const answer = await upload(service, body, { query: 'dryRun=true' })
    expect(answer.text).toBe(
      'disposition,errors,id,slug,email,providerType,active,status,roles\nvalid,,,a,a@example.com,,,,\n',
    )
    const withId = await upload(service, 'email\na@example.com\n', { query: 'dryRun=true&return=id' })
    expect(withId.text).toBe('disposition,errors,id,email\nvalid,,,a@example.com\n')
    const lines = await upload(service, body, { query: 'dryRun=true', headers: ndjson })
    expect(JSON.parse(lines.text)).toMatchObject({ id: null, cells: { id: '' } })
  })

  it('looks also for what only the database refuses', async () => {
    const rows = numbered(0, 130).trimEnd().split('\n')
    rows[77] = 'u-77,u-77@example.com,Odd'
    const body = `${numberedHeader}${rows.join('\n')}\n`
    const dry = await upload(service, body, { query: 'dryRun=true&only=invalid' })
    expect(rowsOf(dry.text)).toHaveLength(1)
    const real = await upload(service, body, { query: 'only=invalid' })
    expect(dry.text).toBe(real.text)
  })

  it('sees within the file what it did not write', async () => {
    const body =
      'slug,email,givenName\na,a@example.com,A\na,a@example.com,Again\n,a@example.com,By mail\nb,a@example.com,Other slug\n'
    const dry = await upload(service, body, { query: 'dryRun=true' })
    const real = await upload(service, body)
    expect(dry.text.replaceAll('valid,,', 'imported,,')).toBe(real.text)
  })

  it('together with strict is a dry run', async () => {
    const answer = await upload(service, `${numberedHeader}a,a@example.com,A\nx,x,x\n`, {
      query: 'dryRun=true&strict=true',
    })
    expect([200, 422]).toContain(answer.status)
    expect(rowsOf(answer.text).map(({ disposition }) => disposition)).toEqual(['valid', 'invalid'])
    expect(await users()).toEqual([])
  })

  it('receives the upload whole before it answers, and has nothing of one that was cut', async () => {
    const client = await RawClient.connect(service)
    const id = await idOfBegun(service, async () => {
      await client.write(headOf({ token: await service.token(), query: 'dryRun=true', length: 99_999 }))
      await client.write(numberedHeader + numbered(0, 500))
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(client.text).toBe('')
    client.socket.resetAndDestroy()
    const receipt = await untilReceipt(service, id, ended)
    expect(receipt).toMatchObject({ state: 'aborted', dryRun: true, counts: { rows: 0 } })
    expect(receipt.reason?.code).toBe('request.interrupted')
    expect(await resultOf(service, id)).toMatchObject({
      status: 200,
      text: `disposition,errors,${numberedHeader}`,
    })
    expect(await users()).toEqual([])
  })

  it('of many batches says the same as the import that follows', async () => {
    await upload(service, numberedHeader + numbered(1_000, 2_000, 'Before'))
    const rows = numbered(0, 4_000).trimEnd().split('\n')
    for (let at = 0; at < rows.length; at += 97) rows[at] = rows[(at * 7) % rows.length]!
    const body = `${numberedHeader}${rows.join('\n')}\n`
    const query = 'dispositions=detailed'
    const dry = await upload(service, body, { query: `${query}&dryRun=true` })
    const real = await upload(service, body, { query })
    expect(dry.text === real.text).toBe(true)
    expect(rowsOf(dry.text).filter(({ disposition }) => disposition === 'invalid').length).toBeGreaterThan(10)
  })

  const slugs = fc.constantFrom('', '1', '2', '3')
  const emails = fc.constantFrom('', 'a@example.com', 'b@example.com', 'A@Example.com', 'c@example.com')
  const names = fc.constantFrom('', 'Ann', 'Odd', 'Bob')
  const roles = fc.constantFrom('', 'organization_owner', 'organization_member', 'nobody')
  const rows = fc.array(fc.tuple(slugs, emails, names, roles), { maxLength: 12 })
  const fileOf = (given: readonly (readonly string[])[]): string =>
    `slug,email,givenName,roles\n${given.map((row) => `${row.join(',')}\n`).join('')}`

  it('gives the verdicts of the import that follows, on random files and states', async () => {
    await fc.assert(
      fc.asyncProperty(rows, rows, fc.constantFrom('owner', 'member'), async (before, after, who) => {
        await service.knex('users').delete()
        await upload(service, fileOf(before))
        const stored = await users()
        const claims = { role: `organization_${who}` }
        const dry = await upload(service, fileOf(after), {
          query: 'dryRun=true&dispositions=detailed',
          claims,
        })
        expect(await users()).toEqual(stored)
        const real = await upload(service, fileOf(after), { query: 'dispositions=detailed', claims })
        expect(dry.text.split('\n').map(masked)).toEqual(real.text.split('\n').map(masked))
      }),
      { numRuns: 60 },
    )
  })

  /** The cells that an import fills in are no verdict. */
  const masked = (line: string): string =>
    /^(?:created|updated)/.test(line) ? line.replace(/organization_constituent$/, '') : line
})
