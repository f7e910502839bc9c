import { describe, expect, it } from '@jest/globals'
import { roles as rolesOfCallers } from '../../src/auth/caller.ts'
import { canonicalLocale, canonicalTimeZone } from '../../src/users/locale.ts'
import { canonicalRoles, roles, roleSet, unknownRoles } from '../../src/users/roles.ts'
import { boolean } from '../../src/users/rules.ts'

describe('a boolean', () => {
  const schema = boolean()

  it.each([
    '',
    '2',
    '-1',
    '01',
    'on',
    'off',
    'ja',
    'nein',
    'oui',
    'null',
    'TRUE FALSE',
    'ＴＲＵＥ',
    'tru',
    '__proto__',
  ])('is not %j', (word) => {
    expect(schema.isValidSync(word)).toBe(false)
  })

  // every pair of the contract, true then false
  it.each(
    `TRUE/FALSE 1/0 yes/no y/n t/f WAHR/FALSCH VRAI/FAUX VERDADERO/FALSO VERO/FALSO WAAR/ONWAAR VERDADEIRO/FALSO
     SANT/FALSKT SAND/FALSK PRAWDA/FAŁSZ PRAVDA/NEPRAVDA`
      .split(/\s+/)
      .map((pair) => pair.split('/')),
  )('is %s and %s, in any letter case', (yes, no) => {
    for (const change of [
      (word: string) => word,
      (word: string) => word.toLowerCase(),
      (word: string) => word.toUpperCase(),
    ]) {
      expect(schema.validateSync(change(yes))).toBe('TRUE')
      expect(schema.validateSync(change(no))).toBe('FALSE')
    }
  })
})

describe('a list of roles', () => {
  it.each([
    '',
    ' ',
    ',',
    'owner',
    'organization-owner',
    'organization_owner,x',
    'organizatiоn_owner',
    'organization_ownerorganization_member',
    '__proto__',
  ])('is not %j', (list) => {
    expect(canonicalRoles(list)).toBeUndefined()
  })

  it.each([
    ['organization_owner', 'organization_owner'],
    ['ORGANIZATION_MEMBER', 'organization_member'],
    ['organization_constituent,organization_owner', 'organization_owner,organization_constituent'],
    ['organization_member;organization_owner', 'organization_owner,organization_member'],
    ['organization_member|organization_owner', 'organization_owner,organization_member'],
    ['organization_member organization_owner', 'organization_owner,organization_member'],
    [' , organization_member ,; organization_member', 'organization_member'],
  ])('is %j', (list, canonical) => {
    expect(canonicalRoles(list)).toBe(canonical)
    expect(canonicalRoles(canonical)).toBe(canonical)
  })

  it('has the roles that tokens and credentials give, in the same order', () => {
    expect(roles).toEqual(rolesOfCallers)
  })

  it('names its offending entries as they were sent', () => {
    expect(unknownRoles('Organization_Owner, Applicant;x')).toBe('Applicant, x')
    expect(unknownRoles(';')).toBe(';')
  })

  it('is taken apart as a set', () => {
    expect(roleSet('')).toEqual([])
    expect(roleSet('organization_owner,organization_member')).toEqual([
      'organization_owner',
      'organization_member',
    ])
  })
})

describe('a locale', () => {
  it.each([
    '',
    'e',
    'english language',
    'en--US',
    'en-',
    '-en',
    'en-US-',
    'de_DE.UTF-8',
    'C',
    '1',
    'en US',
    'é',
  ])('is not %j', (tag) => {
    expect(canonicalLocale(tag)).toBeUndefined()
  })

  it.each([
    ['en', 'en'],
    ['EN-us', 'en-US'],
    ['en_US', 'en-US'],
    ['zh_hant_tw', 'zh-Hant-TW'],
    ['sr-Latn-RS', 'sr-Latn-RS'],
    ['de-DE-u-co-phonebk', 'de-DE-u-co-phonebk'],
    ['es-419', 'es-419'],
  ])('is %j', (tag, canonical) => {
    expect(canonicalLocale(tag)).toBe(canonical)
  })
})

describe('a time zone', () => {
  it.each([
    '',
    'Paris',
    'Mars/Olympus',
    '+01:00',
    '-05:00',
    '+0100',
    'UTC+1',
    'Europe/Paris/',
    'Europe Paris',
    'Europé/Paris',
    '__proto__',
  ])('is not %j', (zone) => {
    expect(canonicalTimeZone(zone)).toBeUndefined()
  })

  it.each([
    ['Europe/Paris', 'Europe/Paris'],
    ['europe/paris', 'Europe/Paris'],
    ['EUROPE/BERLIN', 'Europe/Berlin'],
    ['UTC', 'UTC'],
    ['utc', 'UTC'],
    ['Etc/GMT+5', 'Etc/GMT+5'],
    // names that Intl resolves to another of the same zone stay the ones that were sent
    ['Asia/Kolkata', 'Asia/Kolkata'],
    ['Asia/Calcutta', 'Asia/Calcutta'],
    ['Europe/Kyiv', 'Europe/Kyiv'],
    ['US/Pacific', 'US/Pacific'],
  ])('is %j', (zone, canonical) => {
    expect(canonicalTimeZone(zone)).toBe(canonical)
  })

  it('stays as it was sent where it is another name of a zone, whose spelling Intl does not tell', () => {
    expect(canonicalTimeZone('Asia/Kolkata')).toBe('Asia/Kolkata')
    expect(canonicalTimeZone('us/pacific')).toBe('us/pacific')
  })
})
