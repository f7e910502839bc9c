import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { rowsOf } from '../support/csv.ts'
import { ask, postMembers, programOf, resultAt, untilImport, type Caller } from '../support/members.ts'
import { startService, type Service } from '../support/service.ts'

const texts = ['givenName', 'familyName', 'displayName', 'recoveryEmail'] as const

/** Values at which formats break. */
const odd = [
  '"',
  '""',
  '"a',
  'a"b,c;d|e\tf',
  'a\nb',
  'a\r\nb\rc',
  '\r',
  '\n',
  ' around ',
  ' ',
  '\t',
  '\u00a0',
  '\ufeffmark',
  'a\u0000b',
  '\u0001\u001f\u007f\u0085',
  'a\u2028b\u2029c',
  '\u202eabc',
  '\\',
  '\\"',
  '\\u0041',
  '=1+1',
  "'=1+1",
  '-1',
  '@x',
  '#N/A',
  'null',
  'true',
  '😀'.repeat(120),
  'e\u0301 \u00e9',
  'disposition',
  'sep=;',
  '</script><!--',
  'x'.repeat(5_000),
  '"\n'.repeat(500),
]

describe('what a member gives', () => {
  let service: Service
  let owner: Caller

  beforeAll(async () => {
    service = await startService()
    owner = await programOf(service)
  })
  afterAll(() => service.close())

  it('comes back in the result as it was sent, in JSON and in CSV, whatever became of it', async () => {
    const members = odd.flatMap((value, index) => [
      { emailAddress: `odd-${index}@example.com`, ...Object.fromEntries(texts.map((name) => [name, value])) },
      { emailAddress: value, makeAdmin: index % 2 === 0, isMfaDisabled: null },
    ])
    const location = await postMembers(service, owner, members)
    await untilImport(service, owner, location)
    const json = await resultAt(service, owner, location)
    const names = ['emailAddress', ...texts, 'makeAdmin', 'isMfaDisabled']
    const given = members.map((member) =>
      Object.fromEntries(names.map((name) => [name, (member as Record<string, unknown>)[name] ?? null])),
    )
    const echoed = json.map((member) => Object.fromEntries(names.map((name) => [name, member[name]])))
    expect(echoed).toEqual(given)

    const { text } = await ask(service, owner, {
      path: `${location}/result`,
      headers: { Accept: 'text/csv' },
    })
    const rows = rowsOf(text)
    expect(rows.map((row) => names.map((name) => row[name]))).toEqual(
      given.map((member) =>
        names.map((name) => (member[name] === null ? '' : `${member[name] as string | boolean}`)),
      ),
    )
    // Both say the same of each, and invalid is what has a fault.
    for (const [index, { disposition, faults, id }] of json.entries()) {
      expect(rows[index]).toMatchObject({ disposition, id: id ?? '' })
      expect(disposition).toBe(faults.length > 0 ? 'invalid' : 'imported')
      for (const { message } of faults) expect(rows[index]!['errors']).toContain(message)
    }
  })

  it('is cut where it is longer than any rule could take', async () => {
    const long = 'y'.repeat(200_000)
    const location = await postMembers(service, owner, [
      { emailAddress: 'long@example.com', givenName: long },
      { emailAddress: long },
      { emailAddress: 'half@example.com', givenName: 'a\ud83d' },
    ])
    await untilImport(service, owner, location)
    const [given, address, half] = await resultAt(service, owner, location)
    for (const member of [given!, address!]) {
      expect(member.disposition).toBe('invalid')
      expect(JSON.stringify(member).length).toBeLessThan(10_000)
    }
    expect(half).toMatchObject({ disposition: 'invalid', givenName: 'a\\uD83D' })
  })
})
