import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  ask,
  importAt,
  membersBody,
  membersPath,
  numberedMembers,
  postMembers,
  programOf,
  untilImport,
  type Caller,
  type MembersImportJson,
} from '../support/members.ts'
import {
  ended,
  exchange,
  idOf,
  jsonOf,
  newest,
  receiptOf,
  untilReceipt,
  upload,
} from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

describe('imports of members and imports of files', () => {
  let service: Service
  let owner: Caller
  let location: string
  let members: MembersImportJson
  let fileId: string
  const key = 'one-key-for-both'

  beforeAll(async () => {
    service = await startService()
    owner = await programOf(service)
    location = await postMembers(service, owner, numberedMembers(0, 2), { id: key })
    members = await untilImport(service, owner, location)
    const file = await upload(service, 'email\nfile@example.com\n', { headers: { 'Idempotency-Key': key } })
    fileId = idOf(file)
  })
  afterAll(() => service.close())

  it('may have the same key', async () => {
    expect(await receiptOf(service, fileId)).toMatchObject({ state: 'finished', idempotencyKey: key })
    expect(await importAt(service, owner, location)).toMatchObject({ id: key, counts: { members: 2 } })
  })

  it('stand in no list together', async () => {
    expect((await newest(service)).map(({ id }) => id)).toEqual([fileId])
    expect((await newest(service, `?idempotencyKey=${key}`)).map(({ id }) => id)).toEqual([fileId])
  })

  it('are not found, read, stopped or erased by the routes of the others', async () => {
    for (const id of [members.importId, key])
      for (const [method, path] of [
        ['GET', `${importPath}/${id}`],
        ['GET', `${importPath}/${id}/result.csv`],
        ['DELETE', `${importPath}/${id}`],
      ] as const)
        expect(jsonOf(await exchange(service, { method, path }))).toMatchObject({
          status: 404,
          code: 'import.unknown',
        })
    for (const id of [fileId, members.importId])
      for (const [method, path] of [
        ['GET', `${membersPath}/${id}`],
        ['GET', `${membersPath}/${id}/result`],
        ['DELETE', `${membersPath}/${id}`],
      ] as const)
        expect(jsonOf(await ask(service, owner, { method, path }))).toMatchObject({ status: 404 })
    expect(await receiptOf(service, fileId)).toMatchObject({ state: 'finished', resultDeletedAt: null })
    expect(await importAt(service, owner, location)).toMatchObject({ resultDeletedAt: null })
  })

  it('of a file in the background is found among the files', async () => {
    const answer = await upload(service, 'email\nlater@example.com\n', {
      claims: { email: 'asker@example.com' },
      headers: { Prefer: 'respond-async', 'Idempotency-Key': 'later' },
    })
    expect(answer).toMatchObject({ status: 202, text: '' })
    const id = idOf(answer)
    expect(answer.headers.location).toBe(`${importPath}/${id}`)
    await untilReceipt(service, id, (receipt) => ended(receipt) && (receipt.state as string) !== 'waiting')
    expect((await newest(service, '?idempotencyKey=later')).map((receipt) => receipt.id)).toEqual([id])
    expect((await ask(service, owner, { path: `${membersPath}/later` })).status).toBe(404)
  })

  it('share users: each sees what the other has stored', async () => {
    await upload(service, 'email,givenName\nm-0@example.com,From a file\n')
    const again = await postMembers(service, owner, [
      { emailAddress: 'M-0@example.com', displayName: 'From JSON' },
    ])
    await untilImport(service, owner, again)
    const user: unknown = await service.knex('users').where({ email: 'm-0@example.com' }).first()
    expect(user).toMatchObject({ given_name: 'From a file', name: 'From JSON' })
  })

  it('are not taken by the routes of the others', async () => {
    const body = JSON.stringify(membersBody(numberedMembers(0, 1)))
    const answer = await upload(service, body, { headers: { 'Content-Type': 'application/json' } })
    expect(answer.status).toBe(415)
    const disguised = await upload(service, body)
    expect(jsonOf(disguised)).toMatchObject({ status: 400, code: 'csv.not_csv' })
  })
})
