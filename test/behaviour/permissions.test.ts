import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { rowsOf } from '../support/csv.ts'
import { startService, type Service } from '../support/service.ts'

const owner = { slug: 'owner', email: 'owner@example.com', roles: 'organization_owner', status: 'active' }
const member = { slug: 'member', email: 'member@example.com', roles: 'organization_member', status: 'active' }
const invited = { slug: 'invited', email: 'invited@example.com', status: 'invited' }
const active = { slug: 'active', email: 'active@example.com', status: 'active', phoneNumber: '+41446681800' }
const both = {
  slug: 'both',
  email: 'both@example.com',
  roles: 'organization_constituent organization_member',
  status: 'active',
}
const everybody = [owner, member, invited, active, both]

type Cells = Readonly<Record<string, string>>

const csvOf = (cells: Cells): string =>
  `${Object.keys(cells).join(',')}\n${Object.values(cells)
    .map((cell) => `"${cell.replaceAll('"', '""')}"`)
    .join(',')}\n`

describe('who may import whom', () => {
  let service: Service
  let memberToken: string
  let before: unknown[]

  beforeAll(async () => {
    service = await startService()
    memberToken = await service.token({ role: 'organization_member', email: 'member@example.com' })
  })
  afterAll(() => service.close())

  const stored = () => service.knex('users').select().orderBy(['organization_id', 'slug'])

  beforeEach(async () => {
    await service.knex('users').delete()
    for (const user of everybody) await service.post(csvOf(user))
    before = await stored()
    expect(before).toHaveLength(everybody.length)
  })

  async function asMember(cells: Cells, query = 'dispositions=detailed') {
    const { text, status } = await service.post(csvOf(cells), { token: memberToken, query })
    expect(status).toBe(200)
    return rowsOf(text)[0]!
  }

  async function expectForbidden(cells: Cells, query?: string): Promise<string> {
    const row = await asMember(cells, query)
    expect(row).toMatchObject({
      disposition: 'invalid',
      errors: expect.stringContaining('Permission error: '),
    })
    await expect(stored()).resolves.toEqual(before)
    return row['errors']!
  }

  it('refuses a constituent the whole import', async () => {
    const token = await service.token({ role: 'organization_constituent' })
    const { status } = await service.post(csvOf({ email: 'new@example.com' }), { token })
    expect(status).toBe(403)
    await expect(stored()).resolves.toEqual(before)
  })

  describe('a member and a new user', () => {
    it.each<[string, Cells]>([
      ['an owner', { roles: 'organization_owner' }],
      ['a member', { roles: 'organization_member' }],
      ['a constituent who is a member too', { roles: 'organization_constituent; ORGANIZATION_MEMBER' }],
      ['a verified e-mail', { emailVerified: 'TRUE' }],
      ['a verified e-mail in another language', { emailVerified: 'WAHR' }],
      ['a verified number', { phoneNumber: '+41446681800', phoneNumberVerified: '1' }],
      ['a providerId', { providerType: 'Google', providerId: '1' }],
    ])('may not create %s', async (_what, cells) => {
      await expectForbidden({ email: 'new@example.com', ...cells })
    })

    it.each([
      'organization_оwner',
      'оrganization_owner',
      'ｏrganization_owner',
      'organization＿owner',
      'organization_owner\u200B!',
    ])('may not use the look-alike %j', async (roles) => {
      const row = await asMember({ email: 'new@example.com', roles })
      expect(row).toMatchObject({ disposition: 'invalid', errors: expect.stringContaining('roles must be') })
      await expect(stored()).resolves.toEqual(before)
    })

    it('may create a constituent, and say the defaults', async () => {
      const cells = {
        email: 'new@example.com',
        emailVerified: 'FALSE',
        phoneNumberVerified: 'no',
        active: 'TRUE',
        status: 'invited',
        providerType: 'Provisioned',
        roles: 'organization_constituent',
      }
      expect(await asMember(cells)).toMatchObject({ disposition: 'created', errors: '' })
    })

    it('may create one who is active, or suspended already', async () => {
      expect(await asMember({ email: 'n1@example.com', status: 'active' })).toMatchObject({
        disposition: 'created',
      })
      expect(await asMember({ email: 'n2@example.com', active: 'FALSE' })).toMatchObject({
        disposition: 'created',
      })
    })
  })

  describe('a member and a user whom he may not change', () => {
    it.each<[string, Cells]>([
      ['a profile cell', { slug: 'owner', name: 'Pwned' }],
      ['nothing at all', { slug: 'owner' }],
      ["the owner's slug and his own e-mail", { slug: 'owner', email: 'member@example.com' }],
      ["the owner's slug and a new e-mail", { slug: 'owner', email: 'evil@example.com' }],
      ["the owner's e-mail and a new slug", { slug: 'evil', email: 'owner@example.com' }],
      ["the owner's e-mail in other letters", { email: 'OWNER@Example.COM' }],
      ['the role of a constituent', { slug: 'owner', roles: 'organization_constituent' }],
      ['another member', { slug: 'member', name: 'x' }],
      ['a constituent who is a member too', { slug: 'both', name: 'x' }],
      ['what is stored already', { slug: 'both', email: 'both@example.com', status: 'active' }],
    ])('gets a Permission error for %s', async (_what, cells) => {
      await expectForbidden(cells)
    })

    it('learns nothing: it is the same sentence whatever the row says', async () => {
      const said = new Set<string>()
      const guesses: Cells[] = [
        { slug: 'owner' },
        { slug: 'owner', email: 'owner@example.com' },
        { slug: 'owner', email: 'wrong@example.com' },
        { slug: 'owner', email: 'active@example.com' },
        { slug: 'owner', status: 'active' },
        { slug: 'owner', roles: 'organization_constituent' },
      ]
      for (const cells of guesses) said.add(await expectForbidden(cells))
      expect([...said]).toHaveLength(1)
    })

    it('learns nothing of him by a second row either', async () => {
      const csv = 'slug,email\nowner,a@example.com\nowner,b@example.com\n'
      const { text } = await service.post(csv, { token: memberToken })
      const errors = rowsOf(text).map((row) => row['errors'])
      expect(errors[0]).toMatch(/^Permission error: /)
      expect(errors[1]).toBe(errors[0])
    })
  })

  describe('a member and a constituent', () => {
    it.each<[string, Cells]>([
      ['make him a member', { slug: 'active', roles: 'organization_member' }],
      ['make him an owner too', { slug: 'active', roles: 'organization_constituent,organization_owner' }],
      ['change the e-mail of one who is active', { slug: 'active', email: 'evil@example.com' }],
      ['change the number of one who is active', { slug: 'active', phoneNumber: '+41446681801' }],
      ['verify an e-mail', { slug: 'invited', emailVerified: 'TRUE' }],
      ['change and verify an e-mail', { slug: 'invited', email: 'new@example.com', emailVerified: 'TRUE' }],
      ['change the slug', { email: 'invited@example.com', slug: 'other' }],
      ['change the providerType', { slug: 'active', providerType: 'Google' }],
      ['link an account', { slug: 'active', providerType: 'Google', providerId: 'evil' }],
      ['activate one who is invited', { slug: 'invited', status: 'active' }],
      ['invite one again who is active', { slug: 'active', status: 'invited' }],
      [
        'invite again and change the e-mail at once',
        { slug: 'active', status: 'invited', email: 'evil@example.com' },
      ],
    ])('may not %s', async (_what, cells) => {
      // A key of his own that he lacked would be allowed by nobody's word but the table's: it isn't a profile cell.
      const row = await asMember(cells)
      expect(row['disposition']).toBe('invalid')
      await expect(stored()).resolves.toEqual(before)
    })

    it('may not clear a number of one who is active', async () => {
      await expectForbidden({ slug: 'active', phoneNumber: '' }, 'blank=clear&dispositions=detailed')
    })

    it('may not activate again whom he deactivated, nor lift a suspension', async () => {
      expect(await asMember({ slug: 'active', active: 'FALSE' })).toMatchObject({ disposition: 'updated' })
      expect(await asMember({ slug: 'invited', status: 'suspended' })).toMatchObject({
        disposition: 'updated',
      })
      before = await stored()
      await expectForbidden({ slug: 'active', active: 'TRUE' })
      await expectForbidden({ slug: 'invited', status: 'invited' })
      await expectForbidden({ slug: 'invited', status: 'active' })
    })

    it('may change the e-mail and the number of one who is invited', async () => {
      const cells = { slug: 'invited', email: 'new@example.com', phoneNumber: '+41446681800' }
      expect(await asMember(cells)).toMatchObject({ disposition: 'updated', errors: '' })
    })

    it('may change every profile cell, and say again what is stored', async () => {
      const cells = {
        ...active,
        providerType: 'Provisioned',
        emailVerified: 'FALSE',
        roles: 'organization_constituent',
        name: 'Name',
        givenName: 'G',
        website: 'https://example.com/',
        gender: 'x',
        birthdate: '1990',
        zoneinfo: 'Europe/Zurich',
        locale: 'de-CH',
        addressLine1: 'Line\n2',
        addressPostal: '8000',
      }
      expect(await asMember(cells)).toMatchObject({ disposition: 'updated', errors: '' })
    })
  })

  describe('an id', () => {
    it('of another organization is answered exactly as one that exists nowhere', async () => {
      const token = await service.token({ organization: 'other-org' })
      await service.post(csvOf({ email: 'secret@other.example', name: 'Secret' }), { token })
      const [theirs] = await service.knex('users').where({ organization_id: 2 }).pluck('id')
      before = await stored()
      const nobody = 'x'.repeat(36)
      for (const asking of [await service.token(), memberToken]) {
        const answers = []
        for (const id of [theirs, nobody]) {
          const upload = csvOf({ id, email: 'owner@example.com', name: 'Pwned' })
          const { text } = await service.post(upload, { token: asking })
          answers.push(text.replaceAll(id, 'ID'))
        }
        expect(answers[0]).toBe(answers[1])
        expect(answers[0]).toMatch(/\ninvalid,/)
      }
      await expect(stored()).resolves.toEqual(before)
    })

    it('of another organization as providerId, slug or e-mail says nothing either', async () => {
      const token = await service.token({ organization: 'other-org' })
      const theirs = { slug: 'shared', email: 'shared@example.com', providerType: 'Google', providerId: '7' }
      await service.post(csvOf(theirs), { token })
      const { text } = await service.post(csvOf(theirs), { query: 'dispositions=detailed' })
      expect(rowsOf(text)[0]).toMatchObject({ disposition: 'created' })
      await expect(service.knex('users').where({ slug: 'shared' })).resolves.toHaveLength(2)
    })
  })

  it('lets an owner do all of it', async () => {
    const cells = {
      slug: 'active',
      email: 'new@example.com',
      emailVerified: 'TRUE',
      providerType: 'Google',
      providerId: '1',
      status: 'suspended',
      roles: 'organization_owner',
    }
    const { text } = await service.post(csvOf(cells), { query: 'dispositions=detailed' })
    expect(rowsOf(text)[0]).toMatchObject({ disposition: 'updated', errors: '' })
  })

  it('counts the greatest of several roles of the caller', async () => {
    const { text } = await service.post(csvOf({ slug: 'member', name: 'x' }), {
      token: await service.token({ role: 'organization_owner' }),
      query: 'dispositions=detailed',
    })
    expect(rowsOf(text)[0]).toMatchObject({ disposition: 'updated' })
  })
})
