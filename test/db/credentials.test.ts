import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256, type StoredCredential } from '../../src/auth/credentials.ts'
import { createCredentialDirectory, createCredentialRegister } from '../../src/db/credentials.ts'
import type { Database } from '../../src/db/database.ts'
import { makeOrganizations } from '../../src/db/organizations.ts'
import { makeCredential } from '../support/credentials.ts'
import { openTestDatabase } from '../support/database.ts'

describe('the credentials', () => {
  let database: Database
  const troubles: unknown[] = []

  const directory = () =>
    createCredentialDirectory({ knex: database.knex, onFailure: (error) => void troubles.push(error) })
  const lastUse = async (id: string): Promise<Date | null> =>
    (await database.knex('credentials').where({ id }))[0].last_used_at

  beforeAll(async () => {
    database = await openTestDatabase()
    await makeOrganizations(database.knex, [{ slug: 'helping-hands' }, { slug: 'other-org' }])
  })
  afterAll(() => database.close())

  it('keep of a secret its digest, and nothing else', async () => {
    const { credential, secret } = await makeCredential(database.knex, { contact: 'a@example.com' })
    const { rows } = await database.knex.raw<{ rows: { row: string }[] }>(
      'select credentials::text as row from credentials where id = ?',
      [credential.id],
    )
    expect(secret).toMatch(/^rca_[\w-]{43}$/)
    expect(rows[0]?.row).not.toContain(secret.slice(4))
    expect(rows[0]?.row).toContain(sha256(secret).toString('hex'))
    const found = await directory().find(sha256(secret))
    expect(found).toEqual({ ...credential, secretSha256: sha256(secret) })
    expect(await directory().find(sha256(`${secret}x`))).toBeUndefined()
  })

  it('keep their last use, once a minute', async () => {
    const { credential, secret } = await makeCredential(database.knex)
    const stored = (await directory().find(sha256(secret))) as StoredCredential
    const [one, another] = [directory(), directory()]
    expect(await lastUse(credential.id)).toBeNull()
    for (let use = 0; use < 20; use += 1) for (const each of [one, another]) each.keepUse(stored)
    const first = await used(credential.id, null)
    for (const each of [one, another]) each.keepUse(stored)
    await quiet()
    expect(await lastUse(credential.id)).toEqual(first)
    await database
      .knex('credentials')
      .where({ id: credential.id })
      .update({ last_used_at: database.knex.raw(`now() - interval '61 seconds'`) })
    one.keepUse((await one.find(sha256(secret))) as StoredCredential)
    await used(credential.id, await lastUse(credential.id))
    expect(troubles).toEqual([])
  })

  /** Waits until the last use is another than before. */
  async function used(id: string, before: Date | null): Promise<Date | null> {
    for (let attempt = 0; attempt < 500; attempt += 1) {
      const at = await lastUse(id)
      if (at !== null && Date.now() - at.getTime() < 30_000) return at
      await setTimeout(20)
    }
    return before
  }

  /** Waits until what was asked before on all connections is done. */
  const quiet = () => Promise.all(Array.from({ length: 20 }, () => database.knex.raw('select 1')))

  it('whose last use can not be kept are good all the same', async () => {
    const { secret } = await makeCredential(database.knex)
    const stored = (await directory().find(sha256(secret))) as StoredCredential
    const failed = new Promise((resolve) => {
      const failing = { raw: () => Promise.reject(new Error('the connection is gone')) }
      createCredentialDirectory({ knex: failing as never, onFailure: resolve }).keepUse(stored)
    })
    expect(await failed).toMatchObject({ code: 'database.unreachable' })
  })

  it('are listed by organization, and none of one that there is not', async () => {
    const register = createCredentialRegister(database.knex)
    const { credential } = await makeCredential(database.knex, { organization: 'other-org' })
    expect((await register.list('other-org'))?.map(({ id }) => id)).toEqual([credential.id])
    expect((await register.list())?.map(({ organization }) => organization)).toContain('helping-hands')
    expect(await register.list('nowhere')).toBeUndefined()
  })

  it('are revoked once, and of another revocation the first counts', async () => {
    const register = createCredentialRegister(database.knex)
    const { credential } = await makeCredential(database.knex)
    const revoked = await register.revoke(credential.id)
    expect(revoked?.revokedAt).toBeInstanceOf(Date)
    expect(await register.revoke(credential.id)).toEqual(revoked)
    expect(await register.revoke('0123456789abcdef')).toBeUndefined()
  })

  it('go with their organization, so that the next of its id has none of them', async () => {
    await makeOrganizations(database.knex, [{ slug: 'passing' }])
    const { credential, secret } = await makeCredential(database.knex, { organization: 'passing' })
    await database.knex('organizations').where({ slug: 'passing' }).delete()
    await makeOrganizations(database.knex, [{ slug: 'heir', id: credential.organizationId }])
    expect(await directory().find(sha256(secret))).toBeUndefined()
  })
})
