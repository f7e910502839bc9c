import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { ServiceError } from '../../src/errors.ts'
import { bodyOf, envelope, faultsOf, readBody, refusal, withMembers, withProperty } from './bodies.ts'

const anna = { emailAddress: 'anna@example.com' }

describe('an envelope', () => {
  it('that is none is told only that', async () => {
    expect(await faultsOf('[]')).toEqual([' [type] must be an object, but is an array'])
    expect(await faultsOf('[{"id":"x"},[1]]')).toEqual([' [type] must be an object, but is an array'])
    expect(await faultsOf('"id"')).toEqual([' [type] must be an object, but is a string'])
    expect(await faultsOf('17')).toEqual([' [type] must be an object, but is a number'])
    expect(await faultsOf('null')).toEqual([' [type] must be an object, but is null'])
  })

  it('that says nothing is told everything that is required', async () => {
    expect(await faultsOf('{}')).toEqual(
      ['id', 'importDate', 'importFilename', 'importingUserId', 'organizationId', 'newMembers'].map(
        (name) => `/${name} [missing] is required`,
      ),
    )
  })

  it('is told all its faults together', async () => {
    const body = bodyOf([{ makeAdmin: 'yes' }], {
      id: '',
      importDate: '2026-02-30T00:00:00Z',
      importFilename: 17,
      importingUserId: null,
      organizationId: 8,
      more: true,
    })
    expect(await faultsOf(body)).toEqual([
      '/id [length] must have 1 to 200 characters, but is blank',
      '/importDate [date_time] must be a date-time of RFC 3339 that exists, such as 2026-05-04T10:15:00Z',
      '/importFilename [type] must be a string, but is a number',
      '/importingUserId [type] must be a string, but is null',
      '/organizationId [organization] must be 7, the organization of the path',
      '/more [unknown] is no property of an import',
      '/newMembers/0/makeAdmin [type] must be a boolean or null, but is a string',
    ])
    expect((await refusal(body)).message).toBe(
      '/id must have 1 to 200 characters, but is blank, and there are 6 other faults. Nothing was imported: mend the body and send it again.',
    )
  })

  it.each<[unknown, string]>([
    ['x'.repeat(201), 'length'],
    ['😀'.repeat(201), 'length'],
    ['   ', 'length'],
    ['\u200b', 'length'],
    ['a\nb', 'characters'],
    ['a\0b', 'characters'],
    ['a\u0085b', 'characters'],
    ['a\u202eb', 'characters'],
    ['a\ud800b', 'characters'],
    ['\udc00', 'characters'],
    ['.', 'characters'],
    ['..', 'characters'],
    [1, 'type'],
    [{}, 'type'],
    [['x'], 'type'],
    [true, 'type'],
    ['x'.repeat(2 ** 20), 'length'],
  ])('with the id %j is refused', async (id, code) => {
    expect((await refusal(bodyOf([], { id }))).errors).toEqual([
      expect.objectContaining({ pointer: '/id', code }),
    ])
  })

  it.each(['x', ' x ', '😀'.repeat(200), '../x', 'a/b?c#d%', '"', '__proto__', 'é'])(
    'may have the id %j, which stays as it is',
    async (id) => {
      expect((await readBody(bodyOf([], { id }))).envelope.id).toBe(id)
    },
  )

  it.each(['importFilename', 'importingUserId'])('has up to 255 characters in %s', async (name) => {
    expect((await readBody(bodyOf([], { [name]: 'é'.repeat(255) }))).envelope).toMatchObject({
      [name]: 'é'.repeat(255),
    })
    expect(await faultsOf(bodyOf([], { [name]: 'é'.repeat(256) }))).toEqual([
      `/${name} [length] must have 1 to 255 characters, but has more`,
    ])
    expect(await faultsOf(bodyOf([], { [name]: 'a\r\nb' }))).toHaveLength(1)
  })

  it.each<[string, string]>([
    ['8', 'must be 7, the organization of the path'],
    ['-7', 'must be 7, the organization of the path'],
    ['2147483648', 'must be an integer of 32 bits'],
    ['7.5', 'must be an integer of 32 bits'],
    ['1e999', 'must be an integer of 32 bits'],
    ['"7"', 'must be an integer, but is a string'],
    ['null', 'must be an integer, but is null'],
    ['[7]', 'must be an integer, but is an array'],
    ['{"a":7}', 'must be an integer, but is an object'],
  ])('with the organizationId %s is refused', async (written, says) => {
    const body = bodyOf().replace('"organizationId":7', `"organizationId":${written}`)
    expect((await refusal(body)).errors).toEqual([
      expect.objectContaining({ pointer: '/organizationId', detail: says }),
    ])
  })

  it.each(['7', '7.0', '70e-1', '0.7E1'])('may write its organizationId as %s', async (written) => {
    const body = bodyOf().replace('"organizationId":7', `"organizationId":${written}`)
    expect((await readBody(body)).envelope.organizationId).toBe(7)
  })

  it.each<[unknown, string]>([
    [null, 'null'],
    [{}, 'an object'],
    ['[]', 'a string'],
    [0, 'a number'],
    [false, 'a boolean'],
  ])('with the newMembers %j is refused', async (newMembers, type) => {
    expect(await faultsOf(bodyOf(newMembers))).toEqual([
      `/newMembers [type] must be an array, but is ${type}`,
    ])
  })

  it('with a property twice is refused, whatever the two say', async () => {
    for (const name of Object.keys(envelope))
      expect(await faultsOf(withProperty(`"${name}":${JSON.stringify(envelope[name as 'id'])}`))).toEqual([
        `/${name} [repeated] stands there twice: leave one out`,
      ])
    expect(await faultsOf(withProperty('"\\u0069d":{"a":[1]}'))).toEqual([
      '/id [type] must be a string, but is an object',
      '/id [repeated] stands there twice: leave one out',
    ])
    expect(await faultsOf(withProperty('"newMembers":[{}]', bodyOf([{ more: 1 }])))).toEqual([
      '/newMembers [repeated] stands there twice: leave one out',
    ])
  })

  it.each([
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'ID',
    'id ',
    '',
    'a/b~c',
    'members',
    '\ud800',
  ])('with the property %j is refused', async (name) => {
    for (const value of ['1', '"x"', '{"polluted":true}', '[[[{}]],{"id":1}]']) {
      const pointer = `/${name.replace('~', '~0').replace('/', '~1')}`
      expect(await faultsOf(withProperty(`${JSON.stringify(name)}:${value}`))).toEqual([
        `${pointer} [unknown] is no property of an import`,
      ])
    }
    expect('polluted' in {}).toBe(false)
  })

  it('may say its properties in any order', async () => {
    const newMembers = [anna]
    const turned = JSON.stringify(Object.fromEntries(Object.entries({ ...envelope, newMembers }).reverse()))
    const { envelope: read, members } = await readBody(turned)
    expect(read).toEqual({ ...envelope, importDate: new Date(envelope.importDate) })
    expect(members).toBe(1)
  })
})

describe('a member', () => {
  it.each<[string, string]>([
    ['null', 'null'],
    ['"anna@example.com"', 'a string'],
    ['17', 'a number'],
    ['true', 'a boolean'],
    ['[{"emailAddress":"anna@example.com"}]', 'an array'],
  ])('that is %s is refused', async (written, type) => {
    expect(await faultsOf(withMembers(`{},${written},{}`))).toEqual([
      `/newMembers/1 [type] must be an object, but is ${type}`,
    ])
  })

  const texts = ['emailAddress', 'givenName', 'familyName', 'displayName', 'recoveryEmail']
  it.each(texts)('has a string in %s and nothing else', async (name) => {
    const wanted = name === 'emailAddress' ? 'a string' : 'a string or null'
    for (const [value, type] of [
      [1, 'a number'],
      [true, 'a boolean'],
      [['x'], 'an array'],
      [{ x: {} }, 'an object'],
    ] as const)
      expect(await faultsOf(bodyOf([anna, { [name]: value }]))).toEqual([
        `/newMembers/1/${name} [type] must be ${wanted}, but is ${type}`,
      ])
  })

  it.each(['makeAdmin', 'isMfaDisabled'])('has a boolean or null in %s', async (name) => {
    for (const [value, type] of [
      [1, 'a number'],
      ['', 'a string'],
      ['true', 'a string'],
      [[], 'an array'],
      [{}, 'an object'],
    ] as const)
      expect(await faultsOf(bodyOf([{ [name]: value }]))).toEqual([
        `/newMembers/0/${name} [type] must be a boolean or null, but is ${type}`,
      ])
  })

  it('must not have null for its emailAddress', async () => {
    expect(await faultsOf(bodyOf([{ emailAddress: null }]))).toEqual([
      '/newMembers/0/emailAddress [type] must be a string, but is null',
    ])
  })

  it.each(['__proto__', 'constructor', 'EmailAddress', 'email', 'id', '', 'roles'])(
    'with the property %j is refused',
    async (name) => {
      for (const value of ['1', 'null', '{"makeAdmin":true}', '[{}]'])
        expect(await faultsOf(withMembers(`{},{${JSON.stringify(name)}:${value},"makeAdmin":true}`))).toEqual(
          [`/newMembers/1/${name} [unknown] is no property of a member`],
        )
      expect('makeAdmin' in {}).toBe(false)
    },
  )

  it('with a property twice is refused, but not one that the member before has', async () => {
    expect(await faultsOf(withMembers('{"makeAdmin":true},{"makeAdmin":true,"makeAdmin":true}'))).toEqual([
      '/newMembers/1/makeAdmin [repeated] stands there twice: leave one out',
    ])
    expect(await faultsOf(withMembers('{"givenName":null,"givenNam\\u0065":""}'))).toHaveLength(1)
  })

  it('with a bad value is taken: that is for the result to say', async () => {
    const members = [
      {},
      { emailAddress: 'nobody' },
      { emailAddress: 'a\0b@example.com', givenName: '\ud800', displayName: 'a\udc00😀' },
      { givenName: 'x'.repeat(60_000), recoveryEmail: '\n' },
      { emailAddress: ' anna@example.com ', familyName: '__proto__', makeAdmin: false },
    ]
    expect((await readBody(bodyOf(members))).read).toEqual(members)
  })

  it('has nothing where it says null or ""', async () => {
    const written =
      '{"emailAddress":"","givenName":null,"familyName":"","makeAdmin":null,"isMfaDisabled":null}'
    expect((await readBody(withMembers(written))).read).toEqual([{}])
  })

  it('keeps of a value over the limit what still is too long, whatever is around it', async () => {
    const spaces = ' '.repeat(200_000)
    const members = ['y'.repeat(2 ** 20), `${spaces}Anna`, `Anna${spaces}`, '😀'.repeat(40_000)].map(
      (givenName) => ({
        ...anna,
        givenName,
      }),
    )
    const { read } = await readBody(bodyOf(members))
    expect(read.map(({ givenName }) => givenName?.length)).toEqual([1_000, 1_000, 1_000, 1_000])
    expect(read.map(({ givenName }) => Array.from(givenName?.trim() ?? '').length > 250)).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(read.map(({ givenName }) => givenName?.slice(0, 5))).toEqual([
      'yyyyy',
      '……………',
      'Anna…',
      '😀😀\ud83d',
    ])
  })
})

describe('the faults of a body', () => {
  it('are listed up to ten, those of the envelope first, with how many there are', async () => {
    const members = Array.from({ length: 1_000 }, () => ({ makeAdmin: 1 }))
    const error = await refusal(bodyOf(members, { id: undefined, importDate: 'today' }))
    expect(error.errors?.map(({ pointer }) => pointer)).toEqual([
      '/importDate',
      '/id',
      ...Array.from({ length: 8 }, (_, index) => `/newMembers/${index}/makeAdmin`),
    ])
    expect(error.message).toBe(
      '/importDate must be a date-time of RFC 3339 that exists, such as 2026-05-04T10:15:00Z, and there are 1001 other faults; errors lists the first 10 of 1002. Nothing was imported: mend the body and send it again.',
    )
  })

  it('never hold a value', async () => {
    const secret = 'SECRET-7f3a'
    const members = [{ makeAdmin: secret }, { more: secret }, secret, { givenName: [secret] }]
    const error = await refusal(
      bodyOf(members, { id: `${secret}\n`, importDate: secret, organizationId: secret }),
    )
    expect(error.errors).toHaveLength(7)
    expect(JSON.stringify([error.message, error.errors])).not.toContain(secret)
  })

  it('are few bytes, whatever the names of properties', async () => {
    for (const unit of ['x', '\u0001', '"', '\ud800', '日', '😀', '~', '/']) {
      const name = unit.repeat(1_000)
      const members = Array.from({ length: 20 }, () => ({ [name]: 1 }))
      const { message, errors } = await refusal(bodyOf(members, { [name]: 1 }))
      expect(errors?.length).toBeGreaterThan(1)
      expect(Buffer.byteLength(JSON.stringify({ message, errors }))).toBeLessThan(1_700)
    }
  })
})

describe('whatever JSON comes', () => {
  const value = fc.jsonValue({ maxDepth: 3, noUnicodeString: false })
  const property = fc.constantFrom(
    ...Object.keys(envelope),
    'newMembers',
    '__proto__',
    'emailAddress',
    'makeAdmin',
  )
  const written = (entries: readonly (readonly [string, unknown])[]): string =>
    `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${JSON.stringify(each)}`).join(',')}}`
  const member = fc.array(fc.tuple(property, value), { maxLength: 4 }).map(written)
  const body = fc.oneof(
    value.map((each) => JSON.stringify(each)),
    fc.array(fc.tuple(property, value), { maxLength: 8 }).map(written),
    fc
      .array(
        fc.oneof(
          member,
          value.map((each) => JSON.stringify(each)),
        ),
        { maxLength: 5 },
      )
      .map((members) => withMembers(members.join(','))),
  )

  it('is read or refused with pointers into it', async () => {
    await fc.assert(
      fc.asyncProperty(body, async (sent) => {
        const { errors } = await readBody(sent).then(
          ({ members, read }) => {
            expect(read).toHaveLength(members)
            return { errors: undefined }
          },
          (error: unknown) => error as ServiceError,
        )
        // Of a property that stands twice JSON.parse keeps one only.
        if (errors?.some(({ code }) => code === 'repeated')) return
        for (const { pointer, code } of errors ?? []) {
          const steps = pointer.split('/').slice(1)
          const found = steps.reduce<unknown>(
            (within, step) => (Object.hasOwn(within as object, step) ? (within as never)[step] : undefined),
            JSON.parse(sent),
          )
          expect({ pointer, code, isThere: found !== undefined }).toEqual({
            pointer,
            code,
            isThere: code !== 'missing',
          })
        }
      }),
      { numRuns: 2_000, seed: 20261122 },
    )
  })
})
