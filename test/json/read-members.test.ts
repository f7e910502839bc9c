import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Member } from '../../src/users/members.ts'
import { readMembersPayload } from '../../src/json/members.ts'
import { readMembers } from '../../src/json/read-members.ts'
import { asStream, bodyOf, envelope, readBody, refusal, withMembers } from './bodies.ts'

const people = (count: number): Member[] =>
  Array.from({ length: count }, (_, index) => ({
    emailAddress: `person-${index}@example.com`,
    displayName: `Zoë ${'x'.repeat(index % 300)}`,
    makeAdmin: index % 2 === 0,
  }))

describe('the members of a body', () => {
  it('may be none', async () => {
    expect(await readBody(bodyOf([]))).toMatchObject({ members: 0, read: [], pieces: [] })
  })

  it('come in their order, in pieces of a handy size', async () => {
    const sent = people(20_000)
    const { read, members, pieces } = await readBody(bodyOf(sent), [50_000])
    expect(members).toBe(20_000)
    expect(read).toEqual(sent)
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(256 * 1024)
    expect(Math.min(...pieces.slice(0, -1).map((piece) => piece.length))).toBeGreaterThan(32 * 1024)
  })

  it('come in pieces of at most 500, however small they are', async () => {
    const { pieces, members } = await readBody(
      withMembers(Array.from({ length: 50_000 }, () => '{}').join(',')),
    )
    expect(members).toBe(50_000)
    const sizes = pieces.map((piece) => (JSON.parse(piece.toString()) as unknown[]).length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500)
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(400)
  })

  it('keep every character', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record(
            {
              emailAddress: fc.string({ unit: 'binary', minLength: 1 }),
              givenName: fc.string({
                unit: fc.constantFrom('\0', '\ud800', '\udc00', '\ufffd', '"'),
                minLength: 1,
              }),
              recoveryEmail: fc.string({ unit: 'grapheme', minLength: 1 }),
              isMfaDisabled: fc.boolean(),
            },
            { requiredKeys: [], noNullPrototype: true },
          ),
          { maxLength: 20 },
        ),
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 }),
        async (sent, sizes) => {
          expect((await readBody(bodyOf(sent), sizes)).read).toEqual(sent)
        },
      ),
      { numRuns: 300, seed: 20261122 },
    )
  })

  it('are 100,000 at most', async () => {
    const many = '{},'.repeat(99_999)
    expect((await readBody(withMembers(`${many}{}`))).members).toBe(100_000)
    for (const last of ['{}', '1', '[]']) {
      const error = await refusal(withMembers(`${many}{},${last}`))
      expect(error).toMatchObject({ code: 'upload.too_many_members', status: 413 })
      expect(error.errors).toEqual([
        { pointer: '/newMembers', code: 'too_many', detail: 'must have at most 100000 members' },
      ])
    }
  })

  it('are refused at the first that is too many, and nothing more is read', async () => {
    let reads = 0
    async function* endless(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(Buffer.from(bodyOf().slice(0, -2)))
      for (; reads < 1_000; reads += 1) yield Buffer.from('{},'.repeat(30_000))
    }
    await expect(readBody(endless())).rejects.toMatchObject({ code: 'upload.too_many_members' })
    expect(reads).toBeLessThan(6)
  })

  it('are given only as long as nothing is wrong', async () => {
    const sent = people(5_000).map((person, index) => (index === 10 ? { ...person, makeAdmin: 'x' } : person))
    const reading = readMembers(asStream([Buffer.from(bodyOf(sent))]), { organizationId: 7 })
    await expect(reading.next()).rejects.toMatchObject({
      code: 'json.invalid',
      errors: [{ pointer: '/newMembers/10/makeAdmin' }],
    })
  })
})

describe('a piece of a payload', () => {
  async function* of(text: string): AsyncGenerator<Buffer> {
    yield await Promise.resolve(Buffer.from(text))
  }

  it.each(['', '[{"emailAddress":"a', '{}', 'null'])(
    'that is damaged, such as %j, is refused',
    async (text) => {
      await expect(readMembersPayload(of(text)).next()).rejects.toThrow()
    },
  )
})

describe('the meaning of a body', () => {
  const meaningOf = async (body: string, sizes?: readonly number[]): Promise<string> =>
    (await readBody(body, sizes)).meaning
  const members = [
    { emailAddress: 'anna@example.com', givenName: 'Änna', makeAdmin: true },
    {},
    { displayName: 'B' },
  ]
  const body = bodyOf(members)

  it.each<[string, string]>([
    ['the id', bodyOf(members, { id: 'import-2' })],
    ['importingUserId', bodyOf(members, { importingUserId: 'user-2' })],
    ['a value', bodyOf([{ ...members[0], givenName: 'Anna' }, ...members.slice(1)])],
    ['the form of Unicode', bodyOf([{ ...members[0], givenName: 'A\u0308nna' }, ...members.slice(1)])],
    ['a boolean', bodyOf([{ ...members[0], makeAdmin: false }, ...members.slice(1)])],
    ['the property of a value', bodyOf([...members.slice(0, 2), { familyName: 'B' }])],
    ['the order of members', bodyOf([...members].reverse())],
    ['a member less', bodyOf(members.slice(0, 2))],
    ['a member more', bodyOf([...members, {}])],
  ])('is another with %s', async (_what, other) => {
    expect(await meaningOf(other)).not.toBe(await meaningOf(body))
  })

  it.each<[string, string]>([
    ['importDate', bodyOf(members, { importDate: '2020-01-01T00:00:00+01:00' })],
    ['importFilename', bodyOf(members, { importFilename: 'other.json' })],
    ['white space', JSON.stringify(JSON.parse(body), null, 4)],
    ['escapes', body.replaceAll('anna', '\\u0061nna').replace('Ä', '\\u00C4')],
    [
      'the order of keys',
      JSON.stringify(JSON.parse(body), [
        'newMembers',
        'makeAdmin',
        'displayName',
        'givenName',
        'emailAddress',
        ...Object.keys(envelope).reverse(),
      ]),
    ],
    [
      'null and ""',
      bodyOf(
        members.map((member) => ({ familyName: null, isMfaDisabled: null, recoveryEmail: '', ...member })),
      ),
    ],
    ['a byte-order mark', `\ufeff${body}`],
    ['the way a number is written', body.replace(':7,', ':7.0,')],
  ])('is the same whatever %s is', async (_what, other) => {
    expect(other).not.toBe(body)
    expect(await meaningOf(other)).toBe(await meaningOf(body))
  })

  it('is the same however the body is cut and its members fall into pieces', async () => {
    const sent = people(3_000)
    const compact = await readBody(bodyOf(sent))
    const spaced = await readBody(JSON.stringify(JSON.parse(bodyOf(sent)), null, 40), [1_000, 77])
    expect(spaced.pieces.length).not.toBe(compact.pieces.length)
    expect(spaced.meaning).toBe(compact.meaning)
  })
})

describe('a body of 100,000 members', () => {
  it('costs little memory', async () => {
    const words = 'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor '
    let bytes = 0
    let most = 0
    async function* body(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(Buffer.from(bodyOf().slice(0, -2)))
      for (let index = 0; index < 100_000; index += 1) {
        const member = {
          emailAddress: `person-${index}@a-rather-long-domain.example.com`,
          givenName: words + words.slice(0, 20),
          familyName: words + words.slice(0, 19),
          displayName: words.repeat(4).slice(0, 250),
          recoveryEmail: `person-${index}@example.org`,
          makeAdmin: false,
          isMfaDisabled: true,
        }
        const text = Buffer.from(`${index === 0 ? '' : ','}${JSON.stringify(member)}`)
        bytes += text.length
        if (index % 500 === 0) most = Math.max(most, process.memoryUsage().rss)
        yield text
      }
      yield Buffer.from(']}')
    }
    const before = process.memoryUsage().rss
    const reading = readMembers(body(), { organizationId: 7 })
    let next = await reading.next()
    while (next.done !== true) next = await reading.next()
    expect(next.value.members).toBe(100_000)
    expect(bytes).toBeGreaterThan(60_000_000)
    expect(most - before).toBeLessThan(150 * 2 ** 20)
  })
})
