import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startMailServer, type MailServer } from '../mail/mail-server.ts'
import {
  ask,
  holdImports,
  importAt,
  membersBody,
  membersPath,
  numberedMembers,
  postBody,
  postMembers,
  programAlone,
  programOf,
  untilImport,
} from '../support/members.ts'
import { startService, type Service } from '../support/service.ts'

describe('the log of imports of members', () => {
  let service: Service
  let mail: MailServer

  beforeAll(async () => {
    mail = await startMailServer()
    service = await startService({
      settings: {
        SMTP_URL: `smtp://127.0.0.1:${mail.port}`,
        MAIL_FROM: 'rollcall@example.com',
      },
    })
  })
  afterAll(async () => {
    await service.close()
    await mail.close()
  })

  it('holds no secret, no address and no value, whatever becomes of them', async () => {
    const owner = await programOf(service, { email: 'asker-address@example.com' })
    const program = await programAlone(service, { contact: 'contact-address@example.com' })
    const wrong = { ...owner, ApplicationToken: `rca_${'B'.repeat(43)}` }
    const members = [
      { emailAddress: 'member-address@example.com', givenName: 'Membergiven' },
      { emailAddress: 'Memberinvalid', recoveryEmail: 'Memberrecovery' },
      { emailAddress: 'member-address@example.com' },
    ]
    const envelope = { importFilename: 'Memberfile.json', importingUserId: 'member-asked@example.com' }

    for (const caller of [owner, program]) {
      const location = await postMembers(service, caller, members, envelope)
      await untilImport(service, caller, location, ({ letters }) => letters[0]?.state === 'sent')
      await ask(service, caller, { path: `${location}/result` })
      await ask(service, caller, { method: 'DELETE', path: location })
    }
    // An id is any text, also one that tells of somebody.
    const named = await postMembers(service, owner, [], {
      ...envelope,
      id: 'id-address@example.com/Memberid',
    })
    await untilImport(service, owner, named)
    await ask(service, owner, { path: `${named}/result?only=invalid` })
    await ask(service, owner, { path: `${named}x` })
    // Refusals of all kinds.
    await postBody(service, wrong, membersBody(members, envelope))
    await postBody(
      service,
      owner,
      membersBody([{ emailAddress: 'member-address@example.com', Memberextra: 1 }]),
    )
    await postBody(service, owner, '{"id":"Memberbroken')
    const { ApplicationToken } = owner
    await ask(service, owner, { path: `${membersPath}/x?ApplicationToken=${ApplicationToken!}` })
    // A stopped one, one in trouble, and a letter that nobody takes.
    const letGo = await holdImports(service.knex)
    const stopped = await postMembers(service, owner, members, envelope)
    await untilImport(service, owner, stopped, ({ state }) => state === 'running')
    await ask(service, owner, { method: 'DELETE', path: stopped })
    await untilImport(service, owner, stopped)
    await letGo()
    mail.verdict = ({ envelope: { to } }) =>
      Object.assign(new Error(`no such user: ${to.join()}`), { responseCode: 550 })
    const refused = await postMembers(service, owner, members, envelope)
    await untilImport(service, owner, refused, ({ letters }) => letters[0]?.state === 'failed')

    const lines = service.logged().split('\n')
    const secrets = [owner, program].flatMap((caller) =>
      Object.values(caller).map((value) => value.replace(/^\w+ /, '')),
    )
    for (const line of lines) {
      for (const secret of secrets) expect(line).not.toContain(secret)
      expect(line).not.toMatch(
        /member-a|Member(?:given|invalid|recovery|file|extra|broken|id)|-address(?:@|%40)|rc[ab]_|eyJ/,
      )
    }
    expect(lines.filter((line) => /"level":(?:50|60)/.test(line))).toEqual([])
  })

  it('holds nothing of many members that are in trouble', async () => {
    const owner = await programOf(service)
    const letGo = await holdImports(service.knex)
    try {
      const location = await postMembers(service, owner, numberedMembers(0, 50, 'Troubledname'))
      await untilImport(service, owner, location, ({ state }) => state === 'running')
    } finally {
      await letGo()
    }
    expect(service.logged()).not.toContain('Troubledname')
    expect(service.logged()).not.toMatch(/m-\d+@example\.com/)
  })

  it('says which import can not be begun, while the others go on', async () => {
    const owner = await programOf(service)
    await service.knex.raw(`
      alter table imports add constraint no_running check (file_name <> 'broken.json' or state <> 'running')`)
    try {
      const broken = await postMembers(service, owner, [], { importFilename: 'broken.json' })
      const { importId } = await untilImport(
        service,
        owner,
        broken,
        ({ progress }) => progress.trouble !== null,
      )
      await untilImport(service, owner, await postMembers(service, owner, numberedMembers(0, 1)))
      const line = service
        .logged()
        .split('\n')
        .find((each) => each.includes('can not be begun'))
      expect(JSON.parse(line!)).toMatchObject({
        level: 50,
        organization: 1,
        import: importId,
        err: { code: '23514', constraint: 'no_running' },
      })
      expect(await importAt(service, owner, broken)).toMatchObject({
        state: 'waiting',
        progress: { attempts: 0, trouble: expect.stringContaining('it has been logged') },
      })
      await ask(service, owner, { method: 'DELETE', path: broken })
    } finally {
      await service.knex.raw('alter table imports drop constraint no_running')
    }
  })
})

describe('the log of a service without a mail server', () => {
  it('holds addresses in the letters that it stands in for, and nowhere else', async () => {
    const service = await startService()
    try {
      const owner = await programOf(service, { email: 'asker-address@example.com' })
      const members = [{ emailAddress: 'member-address@example.com' }, { emailAddress: 'Memberinvalid' }]
      const location = await postMembers(service, owner, members)
      await untilImport(service, owner, location, ({ letters }) => letters[0]?.state === 'sent')
      const telling = service
        .logged()
        .split('\n')
        .filter((line) => /-address@|Memberinvalid/.test(line))
      expect(telling).toHaveLength(1)
      expect(JSON.parse(telling[0]!)).toMatchObject({
        level: 30,
        recipient: 'asker-address@example.com',
        msg: expect.stringContaining('SMTP_URL is not set'),
      })
      expect(telling[0]).not.toMatch(/member-address|Memberinvalid/)
    } finally {
      await service.close()
    }
  })
})
