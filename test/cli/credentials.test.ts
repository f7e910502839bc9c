import { execFile } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { kindOfSecret, sha256 } from '../../src/auth/credentials.ts'
import { createCredentialDirectory } from '../../src/db/credentials.ts'
import { openDatabase } from '../../src/db/database.ts'
import { newPlace, type Place } from '../support/database.ts'
import { startProcess, type ServiceProcess } from '../support/process.ts'
import { until } from '../support/until.ts'

const asked = ['add', '--organization', 'helping-hands', '--role', 'organization_owner']
const application = [...asked, '--kind', 'application']

interface Ended {
  readonly status: unknown
  readonly stdout: string
  readonly stderr: string
}

describe('npm run credentials', () => {
  let place: Place
  let service: ServiceProcess | undefined

  beforeAll(async () => {
    place = await newPlace(true)
  })
  afterEach(async () => {
    await service?.kill()
    service = undefined
  })
  afterAll(() => place.remove())

  const settings = () => ({ ...place.env, ORGANIZATIONS: 'helping-hands:1,other-org:2' })

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = settings()): Promise<Ended> =>
    new Promise((resolve) => {
      const command = ['--import', 'tsx', 'src/cli/credentials.ts', ...args]
      const options = { env: { PATH: process.env['PATH'], ...env } }
      execFile(process.execPath, command, options, (error, stdout, stderr) => {
        resolve({ status: error?.code ?? 0, stdout, stderr })
      })
    })

  const idIn = (stderr: string): string => /Credential ([0-9a-f]{16}) of/.exec(stderr)?.[1] ?? ''

  it.each<[stderr: string, args: readonly string[]]>([
    ['say what to do: add, list or revoke; --help tells more', []],
    ['say what to do: add, list or revoke; --help tells more', ['remove']],
    ['--organization must be a slug such as helping-hands', ['add']],
    ['--organization must be a slug such as helping-hands', ['list', '--organization', 'Helping Hands']],
    [
      '--role must be one of organization_owner, organization_member, organization_constituent',
      [...asked.slice(0, 3), '--role', 'owner'],
    ],
    ['--kind must be one of application, basic', asked],
    ['--kind must be one of application, basic', [...asked, '--kind', 'Basic']],
    ['--contact must be an e-mail address', [...application, '--contact', 'ada']],
    ['--contact must be an e-mail address', [...application, '--contact', 'a@x.org\r\nBcc: b@x.org']],
    [
      '--expires must be a time such as 90s, 30m, 12h or 7d, and at most 366d',
      [...application, '--expires', '367d'],
    ],
    ["Unknown option '--rolle'", [...application, '--rolle', 'x']],
    ["Unexpected argument 'x'", [...application, 'x']],
    ['revoke takes one ID, 16 digits and letters a to f as list shows them', ['revoke']],
    ['revoke takes one ID, 16 digits and letters a to f as list shows them', ['revoke', 'rca_secret']],
  ])('says "%s"', async (stderr, args) => {
    const result = await run(args, { ...place.env, DATA_DIR: '/dev/null' })
    expect(result).toMatchObject({ status: 2, stdout: '' })
    expect(result.stderr.split('\n')).toEqual([expect.stringContaining(`credentials: ${stderr}`), ''])
  })

  it('tells how it is used', async () => {
    for (const args of [['--help'], ['add', '-h'], ['list', '--help'], ['revoke', '--help']])
      expect(await run(args)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Usage: /) })
  })

  it('refuses settings that make no sense, and says so of a database that can not be reached', async () => {
    const senseless = await run(['list'], { ...settings(), PORT: 'x' })
    expect(senseless).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^credentials: PORT must be .*\n$/),
    })
    const nowhere = await run(['list'], { ...settings(), DATABASE_URL: 'postgresql://127.0.0.1:1/x' })
    expect(nowhere).toEqual({
      status: 1,
      stdout: '',
      stderr: 'credentials: The database can not be reached now: try again later.\n',
    })
  })

  it('adds, lists and revokes, also where the service was never started', async () => {
    const added = await run([...application, '--contact', 'a@example.com'])
    expect(added.status).toBe(0)
    expect(added.stdout).toMatch(/^rca_[\w-]{43}\n$/)
    const secret = added.stdout.trim()
    expect(added.stderr).not.toContain(secret)
    expect(added.stderr).toContain('-H "ApplicationToken: $SECRET"')
    expect(added.stderr).toContain('/v1/organizations/1/members/import')
    const basic = await run([
      ...['add', '--organization', 'other-org', '--role', 'organization_member', '--kind', 'basic'],
      ...['--expires', '1s'],
    ])
    expect(kindOfSecret(basic.stdout.trim())).toBe('basic')
    expect(basic.stderr).toContain(`-u "${idIn(basic.stderr)}:$SECRET"`)
    expect(basic.stderr).toContain('only an organization_owner may import members')

    const [one, other] = [idIn(added.stderr), idIn(basic.stderr)]
    const revoked = await run(['revoke', one])
    expect(revoked).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        new RegExp(`^Credential ${one} of helping-hands was revoked at 20[^ ]+Z\\.\n$`),
      ),
    })
    expect(await run(['revoke', one])).toEqual(revoked)

    let list = await run(['list'])
    await until(async () => (list = await run(['list'])).stdout.includes('expired'))
    const lines = list.stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^ID +ORGANIZATION +KIND +ROLE +CONTACT +CREATED +EXPIRES +LAST USED +STATE$/)
    expect(lines[1]).toMatch(
      new RegExp(`^${one} +helping-hands +application +organization_owner +a@example.com .* never +revoked$`),
    )
    expect(lines[2]).toMatch(
      new RegExp(`^${other} +other-org +basic +organization_member +- .* never +expired$`),
    )
    expect(lines).toHaveLength(3)
    for (const each of [secret, basic.stdout.trim()]) {
      expect(list.stdout).not.toContain(each.slice(4))
      expect(list.stdout).not.toContain(sha256(each).toString('hex'))
    }
    const ofOne = await run(['list', '--organization', 'helping-hands'])
    expect(ofOne.stdout).toContain(one)
    expect(ofOne.stdout).not.toContain(other)
  })

  it('says so of an organization and of a credential that there is not', async () => {
    const stderr =
      'credentials: there is no organization nowhere: those of ORGANIZATIONS are made when the service starts\n'
    const nowhere = ['--organization', 'nowhere']
    expect(await run(['list', ...nowhere])).toEqual({ status: 1, stdout: '', stderr })
    const adding = ['add', ...nowhere, ...application.slice(3)]
    expect(await run(adding)).toEqual({ status: 1, stdout: '', stderr })
    expect(await run(['revoke', '0123456789abcdef'])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'credentials: there is no credential 0123456789abcdef: list shows those that there are\n',
    })
  })

  it('stores what the service finds', async () => {
    const { stdout } = await run([...application, '--contact', 'a@example.com', '--expires', '90d'])
    const database = await openDatabase(place.settings)
    try {
      const found = await createCredentialDirectory({ ...database, onFailure: () => undefined }).find(
        sha256(stdout.trim()),
      )
      expect(found).toMatchObject({
        organizationId: 1,
        organization: 'helping-hands',
        kind: 'application',
        role: 'organization_owner',
        contact: 'a@example.com',
      })
      const { createdAt, expiresAt } = found!
      expect(Math.round((expiresAt.getTime() - createdAt.getTime()) / 86_400_000)).toBe(90)
    } finally {
      await database.close()
    }
  })

  it('works beside a service on a server, and on the embedded database says to stop the service first', async () => {
    service = startProcess(settings())
    await service.token()
    const result = await run(application)
    if (place.settings.kind === 'postgres') {
      expect(result).toMatchObject({ status: 0, stdout: expect.stringMatching(/^rca_/) })
      return
    }
    expect(result).toMatchObject({ status: 1, stdout: '' })
    expect(result.stderr).toMatch(
      /^credentials: another process, .* has the embedded database open, .*: stop it, run this command again .*\n$/,
    )
    service.child.kill('SIGTERM')
    await service.exit
    expect(await run(application)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^rca_/) })
  })
})
