import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { ColumnName } from '../../src/users/columns.ts'
import type { StoredUser } from '../../src/users/user.ts'
import { StoreRefusal, type KeySets, type UserChange, type Users } from '../../src/users/user-directory.ts'
import { buildUser, givenOf, idOf, type Given } from '../import/builders.ts'

const changesOf = (users: readonly StoredUser[], changed: readonly ColumnName[]): UserChange[] =>
  users.map((user) => ({ user, changed }))

/** A store of batches with what a test needs beside it. */
export interface Subject {
  /** Saves one batch with a record of its own; returns what `work` gave in the run that counts. */
  save<T>(organizationId: number, work: (users: Users) => Promise<T>): Promise<T>
  /** How many records are kept by now, of all organizations. */
  records(): Promise<number>
  /** Makes an organization without users. */
  newOrganization(): Promise<number>
  /** Adds a rule to the store, under a name of its own: nobody may have this name. */
  refuseName(name: string, rule: string): Promise<void>
  /** Writes users past the store, as somebody else does. */
  write(organizationId: number, users: readonly StoredUser[]): Promise<void>
  /** The users of an organization, read past the store. */
  read(organizationId: number): Promise<readonly StoredUser[]>
  close(): Promise<void>
}

const nothing: KeySets = { ids: [], slugs: [], providers: [], emails: [] }

const sorted = (users: readonly StoredUser[]): Given[] =>
  users.map(givenOf).sort((one, other) => (one.id ?? '').localeCompare(other.id ?? ''))

const withValues = (user: StoredUser, given: Given): StoredUser => buildUser({ ...givenOf(user), ...given })

/** What every store of batches does. */
export function batchStoreContract(name: string, open: () => Promise<Subject>): void {
  describe(`the store of batches ${name}`, () => {
    let subject: Subject
    let organizationId: number

    beforeAll(async () => {
      subject = await open()
    })

    beforeEach(async () => {
      organizationId = await subject.newOrganization()
    })

    afterAll(async () => {
      await subject.close()
    })

    const run = <T>(work: (users: Users) => Promise<T>, id = organizationId): Promise<T> =>
      subject.save(id, work)
    const stored = async (): Promise<Given[]> => sorted(await subject.read(organizationId))
    const find = (keys: Partial<KeySets>): Promise<StoredUser[]> =>
      run((users) => users.find({ ...nothing, ...keys }))

    const anna = buildUser({
      id: idOf('anna'),
      slug: 'Anna-1',
      providerType: 'Google',
      providerId: 'G 1',
      email: 'Anna@Example.org',
      givenName: 'Anna',
    })
    const bob = buildUser({ id: idOf('bob'), email: 'bob@example.org' })

    describe('for a batch that fails', () => {
      it('leaves nothing of what was written before', async () => {
        await subject.write(organizationId, [bob])
        const work = run(async (users) => {
          await users.insert([anna])
          await users.update(changesOf([withValues(bob, { givenName: 'Robert' })], ['givenName']))
          throw new RangeError('enough')
        })
        await expect(work).rejects.toThrow(new RangeError('enough'))
        expect(await stored()).toEqual(sorted([bob]))
      })

      it('keeps no record', async () => {
        const before = await subject.records()
        await run(async (users) => {
          await users.insert([anna])
          throw new RangeError('enough')
        }).catch(() => undefined)
        expect(await subject.records()).toBe(before)
      })

      it('lets the next one begin', async () => {
        await run(() => Promise.reject(new Error('enough'))).catch(() => undefined)
        await run((users) => users.insert([anna]))
        expect(await stored()).toEqual(sorted([anna]))
      })
    })

    describe('insert where it is the first statement', () => {
      const clashes: [string, StoredUser][] = [
        ['id', buildUser({ id: anna.id })],
        ['slug', buildUser({ slug: 'ANNA-1' })],
        ['provider pair', buildUser({ providerType: 'Google', providerId: 'G 1' })],
        ['e-mail address', buildUser({ email: 'anna@example.ORG' })],
      ]

      it.each(clashes)('runs the work again where the %s of a new user is taken', async (_, clash) => {
        await subject.write(organizationId, [anna])
        let attempts = 0
        await run(async (users) => {
          attempts += 1
          if (attempts === 1) await users.insert([bob, clash, buildUser()])
        })
        expect(attempts).toBe(2)
        expect(await stored()).toEqual(sorted([anna]))
      })

      it('stores new users', async () => {
        await run((users) => users.insert([anna, bob]))
        expect(await stored()).toEqual(sorted([anna, bob]))
      })

      it('takes a key that only another organization knows', async () => {
        await subject.write(await subject.newOrganization(), [anna])
        await run((users) => users.insert([anna]))
        expect(await stored()).toEqual(sorted([anna]))
      })
    })

    describe('find', () => {
      beforeEach(async () => {
        await subject.write(organizationId, [anna, bob])
      })

      it('finds nobody without keys', async () => {
        expect(await find({})).toEqual([])
      })

      it('finds nobody by keys that nobody has', async () => {
        const keys = {
          ids: [idOf('nobody')],
          slugs: ['x'],
          providers: ['Google x'],
          emails: ['x@example.org'],
        }
        expect(await find(keys)).toEqual([])
      })

      it('finds nobody of another organization', async () => {
        const elsewhere = await subject.newOrganization()
        const found = await run(
          (users) => users.find({ ...nothing, ids: [anna.id], slugs: ['anna-1'] }),
          elsewhere,
        )
        expect(found).toEqual([])
      })

      it('does not take the parts of two pairs for a third', async () => {
        expect(await find({ providers: ['Local G 1', 'Google 1'] })).toEqual([])
      })

      it.each<[string, Partial<KeySets>]>([
        ['id', { ids: [anna.id] }],
        ['slug', { slugs: ['anna-1'] }],
        ['provider pair', { providers: ['Google G 1'] }],
        ['e-mail address', { emails: ['anna@example.org'] }],
      ])('finds a user by %s, with all values and keys', async (_, keys) => {
        expect(await find(keys)).toEqual([anna])
      })

      it('finds a user once whom several keys mean', async () => {
        const keys = {
          ids: [anna.id],
          slugs: ['anna-1'],
          providers: ['Google G 1'],
          emails: ['anna@example.org'],
        }
        expect(await find(keys)).toEqual([anna])
      })

      it('finds what the transaction wrote before', async () => {
        const carol = buildUser({ slug: 'carol' })
        const found = await run(async (users) => {
          await users.insert([carol])
          return users.find({ ...nothing, slugs: ['carol', 'anna-1'] })
        })
        expect(sorted(found)).toEqual(sorted([carol, anna]))
      })

      it('finds many at once', async () => {
        const many = Array.from({ length: 700 }, (_, index) => buildUser({ slug: `many-${index}` }))
        await run((users) => users.insert(many))
        expect(sorted(await find({ slugs: many.map(({ keys }) => keys.slug ?? '') }))).toEqual(sorted(many))
      })
    })

    describe('what is stored', () => {
      const texts = {
        'line breaks': '12 High Street\r\nBack\nYard\rDoor',
        quotes: `"O'Neill" «x» ''`,
        backslashes: 'C:\\new\\table \\ \\\\ \\N \\x1f',
        'characters beyond the basic plane': '𝒜nna 😀 𠜎',
        'what SQL and arrays mean something by': `NULL {a,b} $1 ? ?? :name %s -- /* ; " '`,
        'many characters': 'ü'.repeat(255),
      }

      it.each(Object.entries(texts))('holds %s of one user', async (_, text) => {
        const user = buildUser({ addressLine1: text, name: text, providerType: 'Local', providerId: text })
        await run((users) => users.insert([user]))
        expect(await find({ ids: [user.id] })).toEqual([user])
        expect(await find({ providers: [user.keys.provider ?? ''] })).toEqual([user])
        expect(await stored()).toEqual(sorted([user]))
      })

      it.each(Object.entries(texts))('holds %s of one user among many', async (_, text) => {
        const many = [buildUser({ addressLine1: text }), buildUser(), buildUser({ name: text, slug: 's' })]
        await run((users) => users.insert(many))
        expect(await stored()).toEqual(sorted(many))
        const changed = many.map((user) => withValues(user, { givenName: text, addressLine1: 'x' }))
        changed.push(withValues(changed.pop()!, { addressLine1: text }))
        await run((users) => users.update(changesOf(changed, ['givenName', 'addressLine1'])))
        expect(await stored()).toEqual(sorted(changed))
      })

      it('holds every column of one user', async () => {
        await run((users) => users.insert([everything]))
        expect(await find({ ids: [everything.id] })).toEqual([everything])
        expect(await stored()).toEqual(sorted([everything]))
      })

      it('holds every column of many users', async () => {
        const many = [everything, anna, bob, buildUser({ roles: 'organization_owner,organization_member' })]
        await run((users) => users.insert(many))
        expect(await stored()).toEqual(sorted(many))
        expect(sorted(await find({ ids: many.map(({ id }) => id) }))).toEqual(sorted(many))
      })
    })

    describe('update', () => {
      it('leaves the columns that are not named, and the other users', async () => {
        await subject.write(organizationId, [anna, bob])
        const wanted = withValues(anna, { givenName: 'Annie', familyName: 'Belle', slug: 'other' })
        await run((users) => users.update(changesOf([wanted], ['givenName'])))
        expect(await stored()).toEqual(sorted([withValues(anna, { givenName: 'Annie' }), bob]))
      })

      it('sets and clears columns of one user', async () => {
        await subject.write(organizationId, [everything, bob])
        const cleared = buildUser({ id: everything.id, email: 'other@example.org' })
        await run((users) => users.update(changesOf([cleared], changeable)))
        expect(await stored()).toEqual(sorted([cleared, bob]))
        expect(await find({ emails: ['other@example.org'] })).toEqual([cleared])
        expect(await find({ slugs: [everything.keys.slug ?? ''] })).toEqual([])
      })

      it('sets and clears columns of many users', async () => {
        await subject.write(organizationId, [everything, bob])
        const swapped = [
          buildUser({ id: everything.id }),
          withValues(everything, { id: bob.id, slug: 'b', email: 'c@x.org', providerId: 'b' }),
        ]
        await run((users) => users.update(changesOf(swapped, changeable)))
        expect(await stored()).toEqual(sorted(swapped))
      })

      it('keeps to the organization', async () => {
        const elsewhere = await subject.newOrganization()
        await subject.write(elsewhere, [anna])
        await subject.write(organizationId, [anna])
        await run((users) =>
          users.update(changesOf([withValues(anna, { givenName: 'Annie' })], ['givenName'])),
        )
        expect(sorted(await subject.read(elsewhere))).toEqual(sorted([anna]))
      })

      it('hands a key on from one statement to the next', async () => {
        await subject.write(organizationId, [anna, bob])
        const [taken, freed] = [withValues(bob, { slug: 'anna-1' }), withValues(anna, { slug: 'anna-2' })]
        await run(async (users) => {
          await users.update(changesOf([freed], ['slug']))
          await users.update(changesOf([taken], ['slug']))
        })
        expect(await stored()).toEqual(sorted([taken, freed]))
        expect(await find({ slugs: ['anna-1'] })).toEqual([taken])
      })

      it('hands a key on to a new user', async () => {
        await subject.write(organizationId, [anna])
        const [freed, made] = [
          withValues(anna, { email: 'a2@example.org' }),
          buildUser({ email: 'anna@example.org' }),
        ]
        await run(async (users) => {
          await users.update(changesOf([freed], ['email']))
          await users.insert([made])
        })
        expect(await find({ emails: ['anna@example.org'] })).toEqual([made])
      })
    })

    describe('where somebody else wrote what no cell may hold', () => {
      const odd = buildUser({
        id: idOf('odd'),
        givenName: 'a\u001Fb',
        addressLine1: '\u001F',
        email: 'odd@example.org',
      })

      it('reads users with U+001F, alone and among others', async () => {
        await subject.write(organizationId, [anna, odd, bob])
        expect(await find({ ids: [odd.id] })).toEqual([odd])
        expect(sorted(await find({ ids: [anna.id, odd.id, bob.id] }))).toEqual(sorted([anna, odd, bob]))
      })

      it('leaves such a value alone while it updates this column of others', async () => {
        await subject.write(organizationId, [anna, odd, bob])
        const changed = [
          withValues(odd, { nickName: 'Odd' }),
          withValues(anna, { givenName: 'Annie' }),
          withValues(bob, { givenName: 'Robert' }),
        ]
        await run((users) =>
          users.update([
            ...changesOf(changed.slice(0, 1), ['nickName']),
            ...changesOf(changed.slice(1), ['givenName']),
          ]),
        )
        expect(await stored()).toEqual(sorted(changed))
      })

      it('updates other roles of a batch in which a user has none', async () => {
        const roleless = buildUser({ id: idOf('roleless') })
        const without = {
          ...roleless,
          values: roleless.values.map((value, index, all) => (index === all.length - 1 ? '' : value)),
        }
        await subject.write(organizationId, [without, anna])
        const [found] = await find({ ids: [roleless.id] })
        const changed = [
          { ...found!, values: found!.values.with(10, 'Name') },
          withValues(anna, { roles: 'organization_owner' }),
        ]
        await run((users) =>
          users.update([
            ...changesOf(changed.slice(0, 1), ['name']),
            ...changesOf(changed.slice(1), ['roles']),
          ]),
        )
        expect(await stored()).toEqual(sorted(changed))
      })
    })

    describe('lockActiveOwners', () => {
      const ownerLike = (given: Given): StoredUser => buildUser({ roles: 'organization_owner', ...given })

      it('counts nobody who is inactive, suspended, of another role or of another organization', async () => {
        await subject.write(organizationId, [
          ownerLike({ active: 'FALSE' }),
          ownerLike({ status: 'suspended' }),
          buildUser({ roles: 'organization_member,organization_constituent' }),
        ])
        await subject.write(await subject.newOrganization(), [ownerLike({})])
        expect(await run((users) => users.lockActiveOwners())).toBe(0)
      })

      it('counts owners who are active or invited, with other roles or without', async () => {
        await subject.write(organizationId, [
          ownerLike({ status: 'active' }),
          ownerLike({ status: 'invited' }),
          ownerLike({ roles: 'organization_owner,organization_member' }),
        ])
        expect(await run((users) => users.lockActiveOwners())).toBe(3)
      })

      it('counts what the transaction wrote before', async () => {
        const counted = await run(async (users) => {
          await users.insert([ownerLike({}), buildUser()])
          return users.lockActiveOwners()
        })
        expect(counted).toBe(1)
      })
    })

    describe('where the store has a rule of its own', () => {
      const refused = { name: 'Nobody' }

      beforeAll(async () => {
        await subject.refuseName(refused.name, 'no_nobody')
      })

      it('names the rule, and keeps nothing of the batch that breaks it', async () => {
        await subject.write(organizationId, [bob])
        const before = await subject.records()
        const inserting = run(async (users) => {
          await users.insert([anna])
          await users.insert([buildUser(refused)])
        })
        await expect(inserting).rejects.toBeInstanceOf(StoreRefusal)
        await expect(inserting).rejects.toMatchObject({ rule: 'no_nobody' })
        const updating = run((users) => users.update(changesOf([withValues(bob, refused)], ['name'])))
        await expect(updating).rejects.toBeInstanceOf(StoreRefusal)
        expect(await stored()).toEqual(sorted([bob]))
        expect(await subject.records()).toBe(before)
      })

      it('keeps the next batch', async () => {
        await run((users) => users.insert([buildUser(refused)])).catch(() => undefined)
        await run((users) => users.insert([anna]))
        expect(await stored()).toEqual(sorted([anna]))
      })
    })

    describe('for a batch that is saved', () => {
      it('keeps its record, once', async () => {
        const before = await subject.records()
        await run((users) => users.insert([anna]))
        expect(await subject.records()).toBe(before + 1)
      })

      it('keeps the record of one that stores nobody', async () => {
        const before = await subject.records()
        await run(() => Promise.resolve())
        expect(await subject.records()).toBe(before + 1)
        expect(await stored()).toEqual([])
      })

      it('keeps one record, and says what the last run gave, where a key was taken', async () => {
        await subject.write(organizationId, [anna])
        const before = await subject.records()
        let attempts = 0
        const given = await run(async (users) => {
          attempts += 1
          if (attempts < 3) await users.insert([buildUser({ slug: 'anna-1' })])
          return attempts
        })
        expect(given).toBe(3)
        expect(await subject.records()).toBe(before + 1)
      })
    })

    it('saves one batch of an organization at a time', async () => {
      const seen: string[] = []
      const turn = (who: string) =>
        run(async (users) => {
          seen.push(`${who} begins`)
          await users.find({ ...nothing, ids: [anna.id] })
          await users.insert([buildUser()])
          seen.push(`${who} ends`)
        })
      await Promise.all([turn('one'), turn('two'), turn('three')])
      const begun = seen.filter((_, index) => index % 2 === 0).map((each) => each.split(' ')[0])
      expect(seen).toEqual(begun.flatMap((who) => [`${who ?? ''} begins`, `${who ?? ''} ends`]))
    })
  })
}

const everything = buildUser({
  id: idOf('everything'),
  slug: 'Every-Thing',
  providerType: 'SAML2',
  providerId: 'e@idp',
  active: 'FALSE',
  status: 'active',
  email: 'Every@Example.org',
  emailVerified: 'TRUE',
  phoneNumber: '+14155550132;ext=12',
  phoneNumberVerified: 'TRUE',
  name: 'Every Thing',
  givenName: 'Every',
  familyName: 'Thing',
  middleName: 'Single',
  nickName: 'ET',
  preferredUsername: 'every.thing',
  profile: 'https://example.org/e',
  picture: 'https://example.org/e.png',
  website: 'https://e.example.org/',
  gender: 'any',
  birthdate: '0000-02-29',
  zoneinfo: 'Europe/Paris',
  locale: 'fr-FR',
  addressLine1: '1\n2',
  addressLine2: '3',
  addressCity: 'Paris',
  addressState: 'IdF',
  addressPostal: '75001',
  addressCountry: 'FR',
  roles: 'organization_owner,organization_member,organization_constituent',
})

const changeable = [
  'slug',
  'providerType',
  'providerId',
  'active',
  'status',
  'email',
  'emailVerified',
  'phoneNumber',
  'phoneNumberVerified',
  'name',
  'givenName',
  'familyName',
  'middleName',
  'nickName',
  'preferredUsername',
  'profile',
  'picture',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
  'addressLine1',
  'addressLine2',
  'addressCity',
  'addressState',
  'addressPostal',
  'addressCountry',
  'roles',
] as const
