import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { headerOf, startMailServer, type MailServer, type Taken } from '../mail/mail-server.ts'
import {
  ask,
  eventually,
  holdImports,
  membersBody,
  numberedMembers,
  postBody,
  postMembers,
  programAlone,
  programOf,
  untilImport,
  type Caller,
} from '../support/members.ts'
import { ended, exchange, jsonOf, receiptOf, untilReceipt, upload } from '../support/receipts.ts'
import { importPath, startService, type Service, type TokenFor } from '../support/service.ts'

describe('the letter about an import in the background', () => {
  let service: Service
  let mail: MailServer
  let letGo: () => Promise<void> = () => Promise.resolve()
  let ids: Readonly<Record<string, string>>

  beforeAll(async () => {
    mail = await startMailServer()
    service = await startService({
      remoteIssuer: true,
      settings: {
        SMTP_URL: `smtp://127.0.0.1:${mail.port}`,
        MAIL_FROM: 'Rollcall <rollcall@example.com>',
        PUBLIC_URL: 'https://portals.example.com',
      },
    })
  })
  beforeEach(async () => {
    await service.knex('users').delete()
    await service.post(
      'slug,email,status,active,roles\n' +
        'olga,Olga@example.com,active,TRUE,organization_owner\n' +
        'mia,mia@example.com,invited,TRUE,organization_member\n' +
        'cora,cora@example.com,active,TRUE,organization_constituent\n' +
        'susi,susi@example.com,suspended,TRUE,organization_owner\n' +
        'ina,ina@example.com,active,FALSE,organization_member\n',
    )
    const users = await service.knex<{ slug: string; id: string }>('users').select('slug', 'id')
    ids = Object.fromEntries(users.map(({ slug, id }) => [slug, id]))
    expect(Object.keys(ids)).toHaveLength(5)
  })
  afterEach(() => letGo())
  afterAll(async () => {
    await service.close()
    await mail.close()
  })

  /** The only letter about an import, once it is taken. */
  async function letterAbout(importId: string): Promise<Taken> {
    const about = (): Taken[] => mail.taken.filter(({ text }) => text?.includes(importId))
    await eventually(
      () => Promise.resolve(about()),
      (letters) => letters.length > 0,
    )
    expect(about()).toHaveLength(1)
    return about()[0]!
  }

  async function letterOf(
    caller: Caller,
    envelope: object = {},
    members: readonly object[] = [],
  ): Promise<Taken> {
    const location = await postMembers(service, caller, members, { ...envelope })
    const { importId } = await untilImport(service, caller, location)
    const letter = await letterAbout(importId)
    await untilImport(service, caller, location, ({ letters }) => letters[0]?.state === 'sent')
    return letter
  }

  const to = async (caller: Caller, envelope: object = {}): Promise<readonly string[]> => {
    const { envelope: on, to: shown = [] } = await letterOf(caller, envelope)
    expect(shown.map(({ address }) => address)).toEqual(on.to)
    expect(on.from).toBe('rollcall@example.com')
    return on.to
  }

  const users: readonly [string, TokenFor, string | undefined, string][] = [
    ['the address of the token', { email: 'Asker@example.com' }, 'contact@example.com', 'Asker@example.com'],
    [
      'the address of the token where it is said to be verified',
      { email: 'asker@example.com', emailVerified: true },
      undefined,
      'asker@example.com',
    ],
    [
      'the stored user, where the address of the token is not verified',
      { email: 'asker@example.com', emailVerified: false, subject: 'olga' },
      'contact@example.com',
      'Olga@example.com',
    ],
    [
      'the stored user, where the token has no address',
      { subject: 'mia' },
      'contact@example.com',
      'mia@example.com',
    ],
    [
      'the contact, where there is no user and no address',
      { subject: 'unheard-of' },
      'contact@example.com',
      'contact@example.com',
    ],
    [
      'the contact, where the address is not verified and there is no user',
      { email: 'asker@example.com', emailVerified: false },
      'contact@example.com',
      'contact@example.com',
    ],
    [
      'the contact, where the address of the token is none',
      { email: 'a@example.com, b@example.com', subject: 'unheard-of' },
      'contact@example.com',
      'contact@example.com',
    ],
  ]

  it.each(users)('of a user goes to %s', async (_, claims, contact, expected) => {
    const subject = ids[claims.subject ?? ''] ?? claims.subject
    // `email` has to be there, lest it is that of who asks in all tests.
    const claimed: TokenFor = { email: undefined, ...claims, ...(subject === undefined ? {} : { subject }) }
    const caller = await programOf(service, claimed, { contact })
    // Whomever a user names, it goes to himself.
    expect(await to(caller, { importingUserId: ids['olga'] })).toEqual([expected])
  })

  const contact = 'contact@example.com'
  it.each([
    ['an id', 'mia', 'id', 'mia@example.com'],
    ['a slug', 'olga', 'slug', 'Olga@example.com'],
    ['a slug in other letters', 'OLGA', 'slug', 'Olga@example.com'],
    ['an address', 'olga@EXAMPLE.com', 'slug', 'Olga@example.com'],
    ['nobody', 'unheard-of', 'slug', contact],
    ['a constituent', 'cora', 'id', contact],
    ['a suspended owner', 'susi', 'id', contact],
    ['a suspended owner by address', 'susi@example.com', 'slug', contact],
    ['a member who is not active', 'ina', 'slug', contact],
    ['an address elsewhere', 'somebody@example.org', 'slug', contact],
  ])('of a program goes to whom it names by %s, or its contact', async (_, name, by, expected) => {
    const caller = await programAlone(service, { contact })
    const importingUserId = by === 'id' ? ids[name] : name
    expect(await to(caller, { importingUserId })).toEqual([expected])
  })

  it('of a program never goes to the user of another organization', async () => {
    const token = await service.token({ organization: 'other-org' })
    await service.post('slug,email,status,roles\nfar,far@example.com,active,organization_owner\n', { token })
    const caller = await programAlone(service, { contact })
    for (const importingUserId of ['far', 'far@example.com'])
      expect(await to(caller, { importingUserId })).toEqual([contact])
  })

  it('that can go to nobody is a 400, and nothing of the import is kept', async () => {
    const before = await Promise.all(tables.map((table) => service.knex(table).count('*')))
    const unverified = { email: 'asker@example.com', emailVerified: false, subject: 'unheard-of' }
    const nobodies: readonly [Caller, string][] = [
      [await programOf(service, unverified), ids['olga']!],
      [await programOf(service, { email: undefined, subject: 'unheard-of' }), ids['olga']!],
      [await programAlone(service), 'unheard-of'],
      [await programAlone(service), 'cora'],
      [await programAlone(service), 'susi'],
    ]
    for (const [caller, importingUserId] of nobodies) {
      const body = membersBody(numberedMembers(0, 2), { id: 'nobody to tell', importingUserId })
      const answer = await postBody(service, caller, body)
      expect(jsonOf(answer)).toMatchObject({ status: 400, code: 'letter.no_address' })
      expect(answer.headers.location).toBeUndefined()
      const path = `/v1/organizations/1/members/import/nobody%20to%20tell`
      expect((await ask(service, caller, { path })).status).toBe(404)
    }
    const csv = await upload(service, 'email\na@example.com\n', {
      claims: unverified,
      headers: { Prefer: 'respond-async' },
    })
    expect(jsonOf(csv)).toMatchObject({ status: 400, code: 'letter.no_address' })
    expect(await Promise.all(tables.map((table) => service.knex(table).count('*')))).toEqual(before)
  })
  const tables = ['imports', 'import_jobs', 'import_payloads', 'import_chunks', 'letters', 'users']

  const secretMembers = [
    { emailAddress: 'secret-address@example.com', givenName: 'Secretgiven', familyName: 'Secretfamily' },
    { emailAddress: 'secret without at', displayName: 'Secretdisplay', recoveryEmail: 'secret-recovery' },
    { emailAddress: 'secret-address@example.com', givenName: `=cmd|'Secret'` },
  ]

  it('holds counts, codes, columns and a link, and nothing of any member', async () => {
    const caller = await programOf(service)
    const id = 'März/2026 #1'
    const {
      html = '',
      text = '',
      subject = '',
      raw,
      ...letter
    } = await letterOf(
      caller,
      { id, importFilename: '<img src=x onerror=alert(1)> & Co.json' },
      secretMembers,
    )
    expect(subject).toBe('Import for helping-hands finished: 1 of 3 members imported, 2 invalid')
    expect(text).toContain('emailAddress.invalid in emailAddress')
    expect(text).toContain('recoveryEmail.invalid in recoveryEmail')
    const link = `https://portals.example.com/v1/organizations/1/members/import/${encodeURIComponent(id)}`
    for (const part of [text, html]) {
      expect(part).toContain(link)
      expect(part).toContain(`${link}/result`)
      expect(part).not.toMatch(/secret|cmd\|/i)
    }
    expect(raw.replace(/=\r\n/g, '')).not.toMatch(/secret|Bearer|eyJ|rc[ab]_/i)
    expect(text).toContain('<img src=x onerror=alert(1)> & Co.json')
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt; &amp; Co.json')
    expect(html).not.toContain('<img')
    expect(letter.attachments).toEqual([])
  })

  it('shows a file’s name as plain text, a hundred characters of it', async () => {
    const caller = await programOf(service)
    const { text = '', subject } = await letterOf(caller, { importFilename: `${'😀'.repeat(150)}.json` })
    const shown = Array.from(text.replace(/\n\s+/g, '')).filter((letter) => letter === '😀')
    expect(shown).toHaveLength(99)
    expect(text).toContain('…')
    expect(subject).toBe('Import for helping-hands finished: it had no members')
  })

  it('never has a file’s name that breaks lines or turns their direction', async () => {
    const caller = await programOf(service)
    for (const importFilename of [
      'a\r\nBcc: b@example.com',
      'a\nb',
      '\u202egpj.exe',
      'a\u0000',
      'a\u2066b',
      '\u0085x',
    ]) {
      const answer = await postBody(service, caller, membersBody([], { importFilename }))
      expect(jsonOf(answer)).toMatchObject({ status: 400, errors: [{ pointer: '/importFilename' }] })
    }
    const form =
      '--x\r\nContent-Disposition: form-data; name="file"; filename="a%0D%0ABcc: b@example.com\u202e<b>.csv"\r\n\r\n' +
      'email\nz@example.com\n\r\n--x--\r\n'
    const answer = await upload(service, form, {
      claims: { email: 'asker@example.com' },
      headers: { Prefer: 'respond-async', 'Content-Type': 'multipart/form-data; boundary=x' },
    })
    expect(answer.status).toBe(202)
    const letter = await letterAbout(String(answer.headers['import-id']))
    expect(headerOf(letter, 'Bcc')).toBeUndefined()
    expect(letter.envelope.to).toEqual(['asker@example.com'])
    expect(letter.text).not.toContain('\u202e')
    expect(letter.html).not.toContain('<b>')
  })

  it('says that an import was stopped while it waited, and while it ran', async () => {
    letGo = await holdImports(service.knex, 1)
    const caller = await programOf(service)
    const running = await postMembers(service, caller, numberedMembers(0, 2_000))
    const waiting = await postMembers(service, caller, numberedMembers(0, 1))
    const begun = await untilImport(service, caller, running, ({ counts }) => counts['members']! > 0)
    for (const path of [waiting, running]) await ask(service, caller, { method: 'DELETE', path })
    const done = await untilImport(service, caller, running)
    const { importId } = await untilImport(service, caller, waiting)
    const [first, second] = [await letterAbout(begun.importId), await letterAbout(importId)]
    expect([first.subject, second.subject]).toEqual(Array(2).fill('Import for helping-hands was stopped'))
    const { members } = done.counts
    expect(first.text).toContain(`${members!.toLocaleString('en-US')} members were imported`)
    expect(second.text).toMatch(/0 members were imported/)
  })

  it('says that an import has failed, and why', async () => {
    letGo = await holdImports(service.knex)
    const caller = await programOf(service)
    const location = await postMembers(service, caller, numberedMembers(0, 1))
    const { importId } = await untilImport(service, caller, location, ({ state }) => state === 'running')
    await service.knex('import_jobs').where({ import_id: importId }).update({ attempts: 5 })
    await service.knex('imports').where({ id: importId }).update({ state: 'waiting', process_id: null })
    await untilImport(service, caller, location)
    const letter = await letterAbout(importId)
    expect(letter.subject).toBe('Import for helping-hands failed')
    expect(letter.text?.replace(/\s+/g, ' ')).toContain('tried 5 times without getting any further')
  })

  it('about a file says what became of it, and where its invalid rows are', async () => {
    const csv = 'email,givenName\nsecret-one@example.com,Secret\nsecret nobody,Secret\n'
    const answer = await upload(service, csv, {
      claims: { email: 'asker@example.com', role: 'organization_member', subject: 'member' },
      headers: { Prefer: 'respond-async' },
    })
    expect(answer).toMatchObject({ status: 202, text: '' })
    const id = String(answer.headers['import-id'])
    const { text = '', subject, raw } = await letterAbout(id)
    expect(subject).toBe('Import for helping-hands finished: 1 of 2 rows imported, 1 invalid')
    expect(text).toContain(`https://portals.example.com${importPath}/${id}/result.csv?only=invalid`)
    expect(raw).not.toMatch(/secret/i)
    const { letters } = (await untilReceipt(service, id, ended)) as unknown as { letters: object[] }
    expect(letters).toMatchObject([{ kind: 'finished' }])
  })

  it('that no server takes is told on the receipt, and its import stays finished', async () => {
    mail.verdict = () => Object.assign(new Error('no such user here'), { responseCode: 550 })
    try {
      const caller = await programOf(service)
      const location = await postMembers(service, caller, numberedMembers(0, 1))
      const seen = await untilImport(
        service,
        caller,
        location,
        ({ letters }) => letters[0]?.state === 'failed',
      )
      expect(seen).toMatchObject({
        state: 'finished',
        letters: [{ kind: 'finished', failure: { code: 'mail.refused', detail: expect.any(String) } }],
      })
      expect(JSON.stringify(seen)).not.toContain('asker@example.com')
    } finally {
      mail.verdict = () => 'take'
    }
  })

  it('is not written about an import whose answer is waited for', async () => {
    const answer = await upload(service, 'email\nq@example.com\n', { claims: { email: 'asker@example.com' } })
    const id = String(answer.headers['import-id'])
    expect(await receiptOf(service, id)).not.toHaveProperty('letters')
    expect(await service.knex('letters').where({ import_id: id })).toEqual([])
    expect((await exchange(service)).status).toBe(200)
  })
})
