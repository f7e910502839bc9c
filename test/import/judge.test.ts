import { describe, expect, it } from '@jest/globals'
import { createJudge } from '../../src/import/judge.ts'
import { columnNames, columns, type ColumnName } from '../../src/users/columns.ts'
import { errorsText, undecodable, unclosedQuote } from '../../src/users/faults.ts'
import { processorTime } from '../support/processor-time.ts'
import { today } from './builders.ts'
import { faultsOf, judged, messagesOf, rowWith, verdictOf } from './judging.ts'

type Good = readonly [cell: string, canonical?: string]
/** The sentence without `COLUMN must be `; the value shown where it is not the cell. */
type Bad = readonly [cell: string, rest: string]

const has =
  (rule: string) =>
  (cell: string, shown = cell): Bad => [cell, `${rule}, but has ${shown}`]
const lists =
  (rule: string) =>
  (cell: string, shown = cell): Bad => [cell, `${rule} but has ${shown}`]

const tooLong = (limit: number, character = 'x'): Bad => {
  const shown = limit < 100 ? character.repeat(limit + 1) : `${character.repeat(100)}…`
  return [character.repeat(limit + 1), `up to ${limit} characters, but has ${shown}`]
}

const upTo = (limit: number): { good: Good[]; bad: Bad[] } => ({
  good: [
    ['Zoë'],
    ['  Anna  ', 'Anna'],
    ['\u00A0\u200BAnna\uFEFF\u2060', 'Anna'],
    ["O'Neill & “Sons”, Ltd."],
    ['李小龍'],
    ['x'.repeat(limit)],
    ['😀'.repeat(limit)],
  ],
  bad: [tooLong(limit), tooLong(limit, '😀')],
})

const email = has('a valid email')
const id = has('an id of 36 letters, digits, _ and -')
const slug = has('1 to 128 characters without white space')
const provider = lists('(Local, Google, SAML2, Provisioned)')
const status = lists('(invited, active, suspended)')
const aBoolean = has('a boolean')
const phone = has('a phone number with + and country code')
const url = has('an absolute http or https URL of up to 2048 characters')
const birthdate = has('a date as YYYY-MM-DD that exists and has come')
const zone = has('an IANA time zone, such as Europe/Paris')
const locale = has('a BCP 47 language tag, such as en-US')
const roles = lists(
  'a valid string list of (organization_owner, organization_member, organization_constituent)',
)

const withHint = ([cell, rest]: Bad, hint: string): Bad => [cell, `${rest} (${hint})`]

const booleans: { good: Good[]; bad: Bad[] } = {
  good: [
    ['TRUE'],
    ['false', 'FALSE'],
    ['1', 'TRUE'],
    ['0', 'FALSE'],
    ['Yes', 'TRUE'],
    ['N', 'FALSE'],
    ['t', 'TRUE'],
    ['fałsz', 'FALSE'],
  ],
  bad: [
    aBoolean('2'),
    aBoolean('maybe'),
    aBoolean('TRUE FALSE'),
    withHint(aBoolean('ＴＲＵＥ'), 'Ｔ in it is U+FF34, no letter from A to Z'),
  ],
}

const urls: { good: Good[]; bad: Bad[] } = {
  good: [
    ['https://example.com'],
    ['http://example.com/a?b=c#d'],
    ['HTTPS://Example.com/Path'],
    ['https://bücher.example/ü'],
    [`https://example.com/${'x'.repeat(2028)}`],
    [`https://example.com/${'😀'.repeat(2028)}`],
  ],
  bad: [
    withHint(url('example.com'), 'write it with its beginning, such as https://example.com'),
    withHint(url('//example.com'), 'write it with its beginning, such as https://example.com'),
    url('ftp://example.com'),
    url('javascript:alert(1)'),
    url('https://'),
    url('https:///example.com'),
    url('https://exam ple.com'),
    url(`https://example.com/${'x'.repeat(2029)}`, `https://example.com/${'x'.repeat(80)}…`),
  ],
}

/** For each column: cells that are good, with their canonical form where it differs, and cells that are not. */
const cells: Readonly<Record<ColumnName, { good: readonly Good[]; bad: readonly Bad[] }>> = {
  id: {
    good: [
      ['kZ3vXq0T8mB1nR5sL7wYc9aE2dF4gH6jK_uP'],
      ['-'.repeat(36)],
      [`'${'-'.repeat(36)}`, '-'.repeat(36)],
    ],
    bad: [
      withHint(id('1001'), 'a number or name of your own belongs into slug'),
      id('x'.repeat(35)),
      id('x'.repeat(37)),
      id(`${'x'.repeat(35)}ü`),
      id(`${'x'.repeat(35)}+`),
    ],
  },
  slug: {
    good: [['user-1'], ['00123'], ['Ünï😀'], ['x'.repeat(128)], ['😀'.repeat(128)]],
    bad: [slug('user 1'), slug('user\u00A01'), slug('x'.repeat(129), `${'x'.repeat(100)}…`)],
  },
  providerType: {
    good: [['Local'], ['google', 'Google'], ['SAML2'], ['saml2', 'SAML2'], ['PROVISIONED', 'Provisioned']],
    bad: [
      provider('Other'),
      provider('Local, Google'),
      withHint(provider('Lоcal'), 'о in it is U+043E, no letter from A to Z'),
    ],
  },
  providerId: { good: [...upTo(255).good, ['a b;c|d']], bad: upTo(255).bad },
  active: booleans,
  status: {
    good: [['invited'], ['Active', 'active'], ['SUSPENDED', 'suspended']],
    bad: [status('deleted'), status('invited,active')],
  },
  email: {
    good: [
      ['anna@example.com'],
      ['Anna.Belle+x@Example.COM'],
      [' anna@example.com ', 'anna@example.com'],
      ['jörg@bücher.example'],
      ["o'neill@example.co.uk"],
    ],
    bad: [
      email('davemcnelis+0911-1'),
      email('davemcnelis+0911-4.gmail.com'),
      email('a@b'),
      email('a..b@x.org'),
      email('"a b"@x.org'),
      email('a@[127.0.0.1]'),
      email('a@b@x.org'),
      email(`${'x'.repeat(250)}@x.org`, `${'x'.repeat(100)}…`),
    ],
  },
  emailVerified: booleans,
  phoneNumber: {
    good: [
      ['+14155550132'],
      ['+1 (415) 555-0132', '+14155550132'],
      ['+49 30.901820', '+4930901820'],
      ['+1 415 555 0132;ext=12', '+14155550132;ext=12'],
    ],
    bad: [
      withHint(
        phone('4.91E+11'),
        'a spreadsheet rounded this number: format the column as text and enter it again',
      ),
      withHint(
        phone('030 901820'),
        'put + and the country code before it, or ask for the import with ?country=, such as ?country=DE',
      ),
      phone('+1'),
      phone('+1415555013299999'),
      phone('+1 415 555 CALL'),
      phone('+999 123 456'),
      phone('+1 415 555 0132;ext='),
    ],
  },
  phoneNumberVerified: booleans,
  name: upTo(255),
  givenName: upTo(255),
  familyName: upTo(255),
  middleName: upTo(255),
  nickName: upTo(255),
  preferredUsername: upTo(255),
  profile: urls,
  picture: urls,
  website: urls,
  gender: upTo(64),
  birthdate: {
    good: [
      ['1990-05-04'],
      ['0000-02-29'],
      ['1990'],
      ['1990/5/4', '1990-05-04'],
      ['1990-05-04T23:30:00-11:00', '1990-05-04'],
      ['4.5.1990', '1990-05-04'],
      ['04-May-1990', '1990-05-04'],
      [today],
    ],
    bad: [
      birthdate('2023-02-29'),
      birthdate('1990-13-01'),
      birthdate('2026-11-23'),
      birthdate('2027'),
      birthdate('0000'),
      birthdate('May 1990'),
      withHint(birthdate('5/4/1990'), 'day or month first? ask for the import with ?dates=dmy or ?dates=mdy'),
      withHint(
        birthdate('33000'),
        "a spreadsheet's number for a day, likely 1990-05-07: format the column as YYYY-MM-DD",
      ),
    ],
  },
  zoneinfo: {
    good: [
      ['Europe/Paris'],
      ['europe/paris', 'Europe/Paris'],
      ['UTC'],
      ['America/Argentina/Buenos_Aires'],
      ['Etc/GMT+5'],
    ],
    bad: [zone('Mars/Olympus'), zone('+01:00'), zone('Paris'), zone('Europe/Paris ;')],
  },
  locale: {
    good: [['en'], ['en-US'], ['en_us', 'en-US'], ['ZH-hant-tw', 'zh-Hant-TW']],
    bad: [locale('english language'), locale('e'), locale('en--US'), locale('de-')],
  },
  addressLine1: { good: [...upTo(255).good, ['12 High Street\r\nBack Yard']], bad: upTo(255).bad },
  addressLine2: { good: [...upTo(255).good, ['a\nb\rc']], bad: upTo(255).bad },
  addressCity: upTo(255),
  addressState: upTo(255),
  addressPostal: { good: upTo(32).good, bad: upTo(32).bad },
  addressCountry: upTo(255),
  roles: {
    good: [
      ['organization_owner'],
      ['Organization_Constituent', 'organization_constituent'],
      ['organization_constituent;organization_owner', 'organization_owner,organization_constituent'],
      ['organization_member | organization_member', 'organization_member'],
    ],
    bad: [
      roles('applicant'),
      roles('organization_owner,applicant;admin', 'applicant, admin'),
      withHint(roles('organizatiоn_owner'), 'о in it is U+043E, no letter from A to Z'),
      roles(';'),
    ],
  },
}

describe.each(columnNames)('a cell of %s', (name) => {
  it.each(cells[name].bad)('is refused where it is %j', (cell, rest) => {
    const message = `${name} must be ${rest}`
    expect(judged(name, cell)).toEqual([
      expect.objectContaining({ code: `${name}.invalid`, column: name, message }),
    ])
  })

  it('is refused where a formula of a spreadsheet failed', () => {
    for (const error of ['#N/A', '#REF!', '#NAME?', '#VALUE!', '#DIV/0!', '#NUM!', ' #NULL! ']) {
      expect(judged(name, error)).toEqual([
        {
          code: `${name}.spreadsheet_error`,
          column: name,
          value: error.trim(),
          message: `${name} must be a value, but has ${error.trim()} (a formula of the spreadsheet failed: put a value there or leave the cell blank)`,
        },
      ])
    }
  })

  const hiding = ['\0', '\u0001', '\t', '\u001F', '\u007F', '\u0085', '\u202A', '\u202E', '\u2066', '\u2069']
  const breaks = ['\n', '\r', '\r\n', '\u2028', '\u2029']
  const refused = ['addressLine1', 'addressLine2'].includes(name) ? hiding : [...hiding, ...breaks]

  it.each(refused)('is refused where it hides %j', (character) => {
    const faults = judged(name, `a${character}b`)
    expect(faults).toEqual([expect.objectContaining({ code: `${name}.control_character`, column: name })])
  })

  it('is refused where it holds half a character', () => {
    for (const cell of ['a\uD800', '\uDC00a', 'a\uDC00\uD800b'])
      expect(judged(name, cell)).toBeInstanceOf(Array)
  })

  it('is blank where it holds nothing but white space and what looks like nothing', () => {
    for (const cell of [
      '',
      ' ',
      '\t',
      '\r\n',
      '\u00A0',
      '\u200B',
      '\u200C\u200D',
      '\uFEFF',
      '\u2060',
      ' \u200B \u3000',
    ]) {
      const verdict = verdictOf({ ...rowWith(name, cell), middleName: name === 'middleName' ? cell : 'X' })
      const values = verdict.kind === 'candidate' ? verdict.candidate.values : []
      expect(values[columnNames.indexOf(name)]).toBeUndefined()
    }
  })

  it.each(cells[name].good)('is good where it is %j', (cell, canonical = cell) => {
    expect(judged(name, cell)).toBe(canonical)
  })
})

describe('a name that another program misread', () => {
  it('is refused with what it likely was, the second time too', () => {
    const judge = createJudge(['email', 'givenName', 'addressCity'], {
      reading: { today },
      clearBlanks: false,
      role: 'organization_owner',
    })
    for (const number of [2, 3]) {
      const verdict = judge({ number, cells: ['a@x.org', ' JosÃ© ', 'MÃ¼nchen'], faults: [] })
      expect(verdict).toMatchObject({
        faults: [
          { code: 'givenName.misread', column: 'givenName', value: 'JosÃ©' },
          { code: 'addressCity.misread' },
        ],
      })
      expect(verdict.kind === 'faulty' && verdict.faults[0]?.message).toBe(
        'givenName must be text as it was written, but has JosÃ© ' +
          '(UTF-8 that a program read as windows-1252: is it José?)',
      )
    }
  })

  it('is only looked for where words of a language stand', () => {
    expect(judged('slug', 'josÃ©')).toBe('josÃ©')
    expect(judged('providerId', 'josÃ©')).toBe('josÃ©')
    expect(judged('email', 'josÃ©@x.org')).toMatchObject([{ code: 'email.invalid' }])
  })
})

describe('the apostrophe of an export', () => {
  it.each(["'Anna", "''=1", '"=1'])('stays before what is no formula: %j', (cell) => {
    expect(judged('name', cell)).toBe(cell)
  })

  it.each(['=1+1', '+1', '-1', '@x'])('is taken off before %j', (value) => {
    expect(judged('name', `'${value}`)).toBe(value)
    expect(judged('name', ` '${value} `)).toBe(value)
  })

  it('is taken off before the rule is applied', () => {
    expect(judged('phoneNumber', "'+1 415 555 0132")).toBe('+14155550132')
    expect(judged('slug', "'@anna")).toBe('@anna')
  })
})

describe('the faults of a row', () => {
  const bad = Object.fromEntries(columns.map(({ name }) => [name, cells[name].bad[0]?.[0] ?? '']))

  it('are all reported at once, in the order of the columns, whatever the order of the file', () => {
    const expected = columnNames.map((name) => `${name} must be ${cells[name].bad[0]?.[1] ?? ''}`)
    expect(messagesOf(bad)).toEqual(expected)
    const reversed = Object.fromEntries(Object.entries(bad).reverse())
    expect(messagesOf(reversed)).toEqual(expected)
  })

  it('are one text that begins with Validation error', () => {
    const text = errorsText(faultsOf({ email: 'x', roles: 'applicant' }))
    expect(text).toBe(
      'Validation error: email must be a valid email, but has x; roles must be a valid string list of ' +
        '(organization_owner, organization_member, organization_constituent) but has applicant',
    )
  })

  it('tell of permission last, and of each column once', () => {
    const asked = {
      active: '?',
      email: 'anna@example.com',
      roles: 'organization_owner',
      name: 'x'.repeat(256),
    }
    expect(errorsText(faultsOf(asked, { role: 'organization_member' }))).toBe(
      `Validation error: active must be a boolean, but has ?; name must be up to 255 characters, but has ${'x'.repeat(100)}…; ` +
        'Permission error: roles may be set so only by an organization_owner, but has organization_owner',
    )
  })

  it('tell of a providerId without a providerType', () => {
    expect(messagesOf({ email: 'a@x.org', providerId: 'p' })).toEqual([
      'providerId must be given with a providerType, but has p',
    ])
    expect(messagesOf({ email: 'a@x.org', providerId: 'p', providerType: ' ' })).toHaveLength(1)
  })

  it('do not tell that a providerType is missing that is only wrong', () => {
    expect(messagesOf({ email: 'a@x.org', providerId: 'p', providerType: 'Other' })).toEqual([
      'providerType must be (Local, Google, SAML2, Provisioned) but has Other',
    ])
  })

  it('tell that e-mail is required where the row has no key at all', () => {
    expect(messagesOf({ email: '', slug: ' ', name: 'Anna' })).toEqual(['email is required for a new user'])
    expect(messagesOf({ email: '', active: 'perhaps' })).toEqual([
      'active must be a boolean, but has perhaps',
      'email is required for a new user',
    ])
  })

  it('do not tell that e-mail is required where a key is only wrong', () => {
    expect(messagesOf({ email: 'x' })).toEqual(['email must be a valid email, but has x'])
    expect(messagesOf({ slug: 'a b', name: 'Anna' })).toHaveLength(1)
    expect(messagesOf({ id: '1', name: 'Anna' })).toHaveLength(1)
  })

  it('do not tell that e-mail is required where reading found fault with it', () => {
    const judge = createJudge(['email', 'name'], {
      reading: { today },
      clearBlanks: false,
      role: 'organization_owner',
    })
    const fault = undecodable('email', '\\xE9@x.org', 'UTF-8', 'save the file as CSV UTF-8')
    expect(judge({ number: 2, cells: ['\\xE9@x.org', 'Anna'], faults: [fault] })).toEqual({
      kind: 'faulty',
      faults: [fault],
    })
  })

  it('are those of reading alone where the record could not be taken apart', () => {
    const judge = createJudge(['email', 'name'], {
      reading: { today },
      clearBlanks: false,
      role: 'organization_owner',
    })
    const fault = unclosedQuote(7, 'x')
    expect(judge({ number: 2, cells: ['x', '#N/A'], faults: [fault] })).toEqual({
      kind: 'faulty',
      faults: [fault],
    })
  })
})

describe('a blank row', () => {
  it.each([[[]], [['', '']], [[' ', '\u200B']]])('is blank: %j', (blank) => {
    const judge = createJudge(['email', undefined], {
      reading: { today },
      clearBlanks: true,
      role: 'organization_owner',
    })
    expect(judge({ number: 2, cells: blank, faults: [] })).toEqual({ kind: 'blank' })
  })

  it('is not blank where a column that is passed through has a value', () => {
    const judge = createJudge(['email', undefined], {
      reading: { today },
      clearBlanks: false,
      role: 'organization_owner',
    })
    expect(judge({ number: 2, cells: ['', 'x'], faults: [] }).kind).toBe('faulty')
  })
})

describe('blank cells', () => {
  const spared = ['id', 'slug', 'email', 'providerType', 'active', 'status', 'roles']
  const blanks = Object.fromEntries(columnNames.map((name) => [name, name === 'email' ? 'a@x.org' : ' ']))
  const valuesOf = (clearBlanks: boolean) => {
    const verdict = verdictOf(blanks, { clearBlanks })
    return verdict.kind === 'candidate' ? verdict.candidate.values : []
  }

  it('leave every value alone', () => {
    expect(valuesOf(false).filter((value) => value !== undefined)).toEqual(['a@x.org'])
  })

  it('clear what may be cleared where blank=clear asks for it', () => {
    const cleared = columnNames.filter((_, index) => valuesOf(true)[index] === '')
    expect(cleared).toEqual(columnNames.filter((name) => !spared.includes(name)))
  })

  it('leave a value alone where the column is absent', () => {
    const judge = createJudge(['email', 'name', 'gender'], {
      reading: { today },
      clearBlanks: true,
      role: 'organization_owner',
    })
    const verdict = judge({ number: 2, cells: ['a@x.org', ''], faults: [] })
    const values = verdict.kind === 'candidate' ? verdict.candidate.values : []
    expect(values[columnNames.indexOf('name')]).toBe('')
    expect(values[columnNames.indexOf('gender')]).toBeUndefined()
  })
})

describe('a judge that remembers', () => {
  it('says the same the second time, of good and of bad cells', () => {
    const judge = createJudge(['email', 'roles'], {
      reading: { today },
      clearBlanks: false,
      role: 'organization_owner',
    })
    const row = (roles: string) => ({ number: 2, cells: ['a@x.org', roles], faults: [] })
    for (const roles of ['Organization_Owner', 'applicant', ' ', '#N/A']) {
      expect(judge(row(roles))).toEqual(judge(row(roles)))
    }
  })
})

describe('a cell of a million characters', () => {
  const fillings: Record<string, string> = {
    letters: 'a'.repeat(1_000_000),
    digits: '1'.repeat(1_000_000),
    'white space before an end': `a${' '.repeat(1_000_000)}b`,
    'white space': ' '.repeat(1_000_000),
    dots: 'a.'.repeat(500_000),
    hyphens: 'a-'.repeat(500_000),
    'at signs': 'a@'.repeat(500_000),
    separators: ',;|'.repeat(333_333),
    words: 'organization_owner,'.repeat(52_631),
    'an address': `${'a.'.repeat(400_000)}a@${'b.'.repeat(100_000)}`,
    'a web address': `https://${'a-'.repeat(499_990)}`,
    'another web address': `https://${'a.'.repeat(499_990)}`,
    'a phone number': `+${'1 '.repeat(499_990)}`,
    'a time zone': `A${'/a'.repeat(499_990)}`,
    'a language': `en${'-aaaaaaaa'.repeat(111_110)}`,
    apostrophes: "'".repeat(1_000_000),
    'equals signs': `'${'='.repeat(1_000_000)}`,
    'letters of two halves': '😀'.repeat(500_000),
    'marks without a letter': '\u0301'.repeat(1_000_000),
    'letters and a line break': `${'a'.repeat(999_999)}\n`,
    exponents: `1.${'1'.repeat(999_990)}E`,
  }

  it.each(columnNames)(
    'is refused, or is blank, in time that does not grow with the square of its length, in %s',
    (name) => {
      for (const [filling, cell] of Object.entries(fillings)) {
        const begun = processorTime()
        const verdict = judged(name, cell)
        const took = processorTime() - begun
        // The square of a million is many minutes.
        if (took > 30_000) throw new Error(`${filling}: ${took} ms`)
        if (filling !== 'white space' && !(name === 'roles' && filling === 'words'))
          expect(verdict).toBeInstanceOf(Array)
      }
    },
  )
})
