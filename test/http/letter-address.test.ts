import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createAddressees } from '../../src/db/addressees.ts'
import type { Database } from '../../src/db/database.ts'
import { letterAddress, type Addressed } from '../../src/http/letter-address.ts'
import { buildUser, idOf } from '../import/builders.ts'
import { addOrganization, writeUsers } from '../import/database-users.ts'
import { openTestDatabase } from '../support/database.ts'

const owner = { roles: 'organization_owner' }
const noAddress = { code: 'letter.no_address', status: 400 }

describe('the letter about an import', () => {
  let database: Database
  let organizationId: number

  beforeAll(async () => {
    database = await openTestDatabase()
    organizationId = await addOrganization(database.knex)
    await writeUsers(database.knex, organizationId, [
      buildUser({ id: idOf('anna'), slug: 'Änna', email: 'Anna@example.com', ...owner }),
      buildUser({
        id: idOf('max'),
        email: 'max@example.com',
        roles: 'organization_member',
        status: 'invited',
      }),
      buildUser({ id: idOf('con'), email: 'con@example.com', roles: 'organization_constituent' }),
      buildUser({ id: idOf('off'), email: 'off@example.com', active: 'FALSE', ...owner }),
      buildUser({ id: idOf('sus'), email: 'sus@example.com', status: 'suspended', ...owner }),
      // Another user's id as his slug, and another's slug as the start of it all.
      buildUser({ id: idOf('cuckoo'), slug: idOf('sus'), email: 'cuckoo@example.com', ...owner }),
    ])
    await writeUsers(database.knex, await addOrganization(database.knex), [
      buildUser({ id: idOf('else'), slug: 'else', email: 'else@example.com', ...owner }),
    ])
  })
  afterAll(() => database.close())

  const user = (changes: Partial<Addressed> = {}): Addressed => ({
    organizationId,
    subject: 'nobody',
    verifiedEmail: undefined,
    hasUser: true,
    ...changes,
  })
  const program = (contact?: string): Addressed =>
    user({ subject: 'credential:1', hasUser: false, credential: { id: '1', contact } })
  const addressOf = async (caller: Addressed, importingUserId?: string): Promise<string> => {
    const address = await letterAddress(caller, createAddressees(database.knex), importingUserId)
    if (typeof address !== 'string') throw address
    return address
  }

  it('has nobody to go to without an address', async () => {
    const refusal = addressOf(user(), 'anna@example.com')
    await expect(refusal).rejects.toMatchObject(noAddress)
    await expect(refusal).rejects.toThrow('Send a token with the claim email.')
    const ofProgram = addressOf(program(), 'nobody')
    await expect(ofProgram).rejects.toMatchObject(noAddress)
    await expect(ofProgram).rejects.toThrow('Name one by id, slug or e-mail address.')
    await expect(addressOf(program())).rejects.toMatchObject(noAddress)
  })

  it('goes to the token’s address before all others', async () => {
    const credential = { id: '1', contact: 'it@example.com' }
    const caller = user({ subject: idOf('anna'), verifiedEmail: 'token@example.com', credential })
    expect(await addressOf(caller, 'max@example.com')).toBe('token@example.com')
  })

  it('goes to the stored user of the token, where it has no address, and never to whom a user names', async () => {
    const credential = { id: '1', contact: 'it@example.com' }
    expect(await addressOf(user({ subject: idOf('con'), credential }), idOf('anna'))).toBe('con@example.com')
    expect(await addressOf(user({ credential }), idOf('anna'))).toBe('it@example.com')
    expect(await addressOf(user({ subject: idOf('else'), credential }))).toBe('it@example.com')
    expect(await addressOf(user({ subject: 'anna@example.com', credential }))).toBe('it@example.com')
  })

  it.each([
    ['its id', () => idOf('anna'), 'Anna@example.com'],
    ['its slug in another form', () => 'A\u0308NNA', 'Anna@example.com'],
    ['its address in other letters', () => 'ANNA@EXAMPLE.COM', 'Anna@example.com'],
    ['the id of an invited member', () => idOf('max'), 'max@example.com'],
  ])('goes to whom a program names by %s', async (_, named, address) => {
    expect(await addressOf(program('it@example.com'), named())).toBe(address)
  })

  it.each([
    ['nobody', () => 'nobody@example.com'],
    ['a constituent', () => 'con@example.com'],
    ['who is not active', () => idOf('off')],
    ['who is suspended, whoever has his id as slug', () => idOf('sus')],
    ['somebody of another organization', () => 'else@example.com'],
    ['what no database takes', () => 'a\0b'],
    ['half a character', () => '\uD800'],
    ['something long', () => 'x'.repeat(100_000)],
    ['an injection', () => "' or true --"],
  ])('goes to the contact of a program that names %s', async (_, named) => {
    expect(await addressOf(program('it@example.com'), named())).toBe('it@example.com')
    await expect(addressOf(program(), named())).rejects.toMatchObject(noAddress)
  })

  it.each([
    'a@example.com\r\nBcc: b@example.com',
    'a@example.com\n',
    'a@example.com, b@example.com',
    '<a@example.com>',
    '"a b"@example.com',
    'a@example.com\0',
    'a b@example.com',
    '@example.com',
    '',
  ])('never goes to %j', async (address) => {
    await expect(addressOf(user({ verifiedEmail: address }))).rejects.toMatchObject(noAddress)
    await expect(addressOf(program(address))).rejects.toMatchObject(noAddress)
    const credential = { id: '1', contact: 'it@example.com' }
    expect(await addressOf(user({ verifiedEmail: address, credential }))).toBe('it@example.com')
  })

  it('never goes to a stored address that is none, whoever stored it', async () => {
    const id = idOf('odd')
    await database.knex('users').insert({
      organization_id: organizationId,
      id,
      email: 'odd@example.com\r\nBcc: x@example.com',
      email_key: 'odd',
      roles: ['organization_owner'],
    })
    await expect(addressOf(user({ subject: id }))).rejects.toMatchObject(noAddress)
    await expect(addressOf(program(), id)).rejects.toMatchObject(noAddress)
  })
})
