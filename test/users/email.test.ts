import { describe, expect, it } from '@jest/globals'
import { canonicalEmail, emailKey } from '../../src/users/email.ts'

describe('an e-mail address', () => {
  it.each([
    ...[
      '',
      '@',
      'a',
      'a@',
      '@x.org',
      'a@b',
      'a@x.',
      'a@.x.org',
      'a@x..org',
      '.a@x.org',
      'a.@x.org',
      'a..b@x.org',
    ],
    ...[
      'a@b@x.org',
      'a b@x.org',
      'a@x .org',
      '"a"@x.org',
      '"a b"@x.org',
      'a(c)@x.org',
      'a@[127.0.0.1]',
      'a@127.0.0.1',
    ],
    ...[
      'Anna <a@x.org>',
      'a@x.org,b@x.org',
      'a;b@x.org',
      'a\\b@x.org',
      'a@x_y.org',
      'a@-x.org',
      'a@x-.org',
      'a@x.123',
    ],
    ...[
      'a@０x7f.１',
      'mailto:a@x.org',
      'a@x.org/',
      'a@x%2eorg',
      'a\u0000@x.org',
      'a\uD800@x.org',
      'a@\uD800.org',
    ],
    ...[
      `${'x'.repeat(65)}@x.org`,
      `${'ü'.repeat(33)}@x.org`,
      `a@${'x'.repeat(64)}.org`,
      `a@${'x.'.repeat(126)}org`,
    ],
  ])('is not %j', (value) => {
    expect(canonicalEmail(value)).toBeUndefined()
  })

  it.each([
    ...[
      'a@x.org',
      'A.b+c@X.ORG',
      "!#$%&'*+/=?^_`{|}~-@x.org",
      '1@1x.org',
      'a@x.museum',
      'a@xn--bcher-kva.example',
    ],
    ...[
      'jörg@bücher.example',
      '李@例子.測試',
      'a@b-c.x--y.org',
      `${'x'.repeat(64)}@x.org`,
      `a@${'x'.repeat(63)}.org`,
    ],
    `${'x'.repeat(64)}@${'y.'.repeat(92)}org9`.replace('org9', 'orga'),
  ])('is %j, as it stands', (value) => {
    expect(canonicalEmail(value)).toBe(value)
  })

  it('has at most 254 bytes, counted in UTF-8', () => {
    const address = (length: number) =>
      `${'x'.repeat(60)}@${'y'.repeat(63)}.${'y'.repeat(63)}.${'z'.repeat(length - 189 - 3)}.de`
    expect(canonicalEmail(address(254))).toBe(address(254))
    expect(canonicalEmail(address(255))).toBeUndefined()
  })
})

describe('two e-mail addresses', () => {
  it.each([
    ['a@x.org', 'b@x.org'],
    ['a+b@x.org', 'a@x.org'],
    ['a.b@x.org', 'ab@x.org'],
    ['jorg@x.org', 'jörg@x.org'],
    ['a@bücher.example', 'a@bucher.example'],
  ])('are two: %j and %j', (one, other) => {
    expect(emailKey(one)).not.toBe(emailKey(other))
  })

  it.each([
    ['Anna@X.org', 'anna@x.ORG'],
    ['JÖRG@x.org', 'jo\u0308rg@x.org'],
    ['a@BÜCHER.example', 'A@xn--bcher-kva.example'],
    ['ü@BÜCHER.example', 'Ü@XN--bcher-kva.EXAMPLE'],
    ['a@例子。測試', 'a@例子.測試'],
  ])('are one: %j and %j', (one, other) => {
    expect(canonicalEmail(one)).toBeDefined()
    expect(emailKey(one)).toBe(emailKey(other))
  })
})
