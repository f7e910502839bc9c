import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { columns, type ColumnName } from '../../src/users/columns.ts'
import { emailKey } from '../../src/users/email.ts'
import type { ReadingOptions } from '../../src/users/rules.ts'
import { caseless } from '../../src/users/text.ts'

const today = '2026-11-22'
const readings: readonly ReadingOptions[] = [
  { today },
  { today, country: 'DE', dates: 'dmy' },
  { today, country: 'US', dates: 'mdy' },
]

const texts = [
  'Anna',
  'Jörg',
  'O’Neill',
  'José',
  '李 明',
  'a',
  'x'.repeat(32),
  'N/A',
  '0',
  '-',
  "'a",
  '😀',
  'ﬁ',
]
const booleans = ['TRUE', 'false', '1', '0', 'yes', 'N', 'wahr', 'FAŁSZ', 'nepravda', 'Verdadero']
const urls = [
  ...['http://x.example', 'HTTPS://X.EXAMPLE/A?b=c#d', 'https://bücher.example/ü', 'http://[::1]:80/'],
  ...['https://x.example/%zz', 'http://x.example/a\\b', 'http://user:pass@x.example:8080/'],
]

/** Good values of each column, beside its example. */
const good: Readonly<Partial<Record<ColumnName, readonly string[]>>> = {
  id: ['abcdefghijklmnopqrstuvwxyz0123456789', `-${'_'.repeat(35)}`],
  slug: ['user-1', '00123', 'STRASSE', 'Straße', 'İ', 'ǅ', 'e\u0301', 'x'.repeat(128)],
  providerType: ['local', 'GOOGLE', 'saml2', 'Provisioned'],
  active: booleans,
  status: ['INVITED', 'Active', 'suspended'],
  email: [
    ...[
      'Anna@Example.ORG',
      'jörg@bücher.example',
      'a@xn--bcher-kva.example',
      'a+b.c@x.co.uk',
      "o'neill@x.org",
    ],
    ...['a@例子.測試', 'a@例子。測試', 'JO\u0308RG@STRASSE.example', 'a@straße.example', 'İ@x.org'],
  ],
  emailVerified: booleans,
  phoneNumber: [
    ...['+1 (415) 555-0132', '(+49) 30 1234567', '+49 30/901820', '+33 1 42 68 53 00;ext=007', '+39 06 6982'],
    ...['030 901820', '(415) 555-0132', '+1.415.555.0132', '+44 (0)20 7946 0958'],
  ],
  phoneNumberVerified: booleans,
  profile: urls,
  picture: urls,
  website: urls,
  birthdate: [
    ...[
      '1990-05-04',
      '1990',
      '0000-05-04',
      '0000-02-29',
      '1990/5/4',
      '1990-05-04T23:59:59.999+14:00',
      '4.5.1990',
    ],
    ...[
      '04-May-1990',
      '4-september-1990',
      '5/4/1990',
      '04/05/1990',
      '2026-11-22',
      '2024-02-29',
      '1990-05-04 10:00Z',
    ],
  ],
  zoneinfo: [
    ...[
      'europe/paris',
      'EUROPE/BERLIN',
      'utc',
      'Asia/Kolkata',
      'asia/kolkata',
      'ASIA/CALCUTTA',
      'us/pacific',
    ],
    ...[
      'America/Port-au-Prince',
      'america/port_of_spain',
      'Etc/GMT+5',
      'etc/gmt-14',
      'GB',
      'gb-eire',
      'EST5EDT',
    ],
    ...[
      'america/argentina/comodrivadavia',
      'antarctica/mcmurdo',
      'ASIA/UST-NERA',
      'africa/dar_es_salaam',
      'nz-chat',
    ],
  ],
  locale: ['en', 'EN_us', 'zh_hant_tw', 'iw', 'sr-latn-rs', 'de-DE-u-co-phonebk', 'art-lojban'],
  addressPostal: ['62704', '00123', 'SW1A 1AA', '〒100-0001'],
  roles: [
    ...['ORGANIZATION_OWNER', 'organization_constituent,organization_owner', ' ,organization_member;'],
    ...['organization_member|organization_member organization_owner'],
  ],
}

const recased = (value: string): fc.Arbitrary<string> =>
  fc
    .array(fc.boolean(), { minLength: value.length, maxLength: value.length })
    .map((upper) =>
      Array.from(value, (each, index) => (upper[index] ? each.toUpperCase() : each.toLowerCase())).join(''),
    )

/** A value with a character put in, or one taken out: most columns still take some of these. */
const mutated = (value: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.nat(value.length),
      fc.nat(1),
      fc.constantFrom('', ' ', '0', '9', 'a', 'Z', '-', '/', '.', 'é', 'ß', 'İ'),
    )
    .map(([at, out, more]) => (value.slice(0, at) + more + value.slice(at + out)).trim())

describe('a canonical form', () => {
  it.each(columns.map((column) => [column.name, column] as const))(
    'of %s is good, and its own canonical form',
    (name, { schema, canonical, plain, example }) => {
      const schemas = readings.map((options) => ({ options, rule: schema(options) }))
      const values = [example, ...(good[name] ?? texts)]
      const taken = new Set<string>()
      const value = fc
        .constantFrom(...values)
        .chain((each) => fc.oneof(fc.constant(each), recased(each), mutated(each)))
      fc.assert(
        fc.property(value, (sent) => {
          for (const { options, rule } of schemas) {
            if (sent === '' || !rule.isValidSync(sent)) continue
            taken.add(sent)
            const once = rule.validateSync(sent)!
            expect(once).not.toBe('')
            expect(rule.isValidSync(once)).toBe(true)
            expect(rule.validateSync(once)).toBe(once)
            if (canonical !== undefined) expect(canonical(sent, options)).toBe(once)
            if (plain.test(sent)) expect(once).toBe(sent)
          }
        }),
        { numRuns: 500, seed: 20261122, examples: values.map((each): [string] => [each]) },
      )
      expect(values.filter((each) => !taken.has(each))).toEqual([])
    },
  )

  it('does not change the key of an e-mail address or a slug', () => {
    const email = columns.find(({ name }) => name === 'email')!.schema({ today })
    fc.assert(
      fc.property(fc.constantFrom(...good.email!).chain(recased), (sent) => {
        if (!email.isValidSync(sent)) return
        expect(emailKey(email.validateSync(sent)!)).toBe(emailKey(sent))
        expect(emailKey(emailKey(sent))).toBe(emailKey(sent))
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (sent) => {
        expect(caseless(caseless(sent))).toBe(caseless(sent))
      }),
    )
  })
})
