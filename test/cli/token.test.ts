import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { decodeJwt } from 'jose'
import { createOwnIssuer } from '../../src/auth/own-issuer.ts'

const asked = ['--organization', 'helping-hands', '--role', 'organization_owner']

describe('npm run token', () => {
  let dataDir: string

  const run = (args: readonly string[], env = {}) =>
    new Promise<{ status: unknown; stdout: string; stderr: string }>((resolve) => {
      const command = ['--import', 'tsx', 'src/cli/token.ts', ...args]
      const options = { env: { PATH: process.env['PATH'], DATA_DIR: dataDir, ...env } }
      execFile(process.execPath, command, options, (error, stdout, stderr) => {
        resolve({ status: error?.code ?? 0, stdout, stderr })
      })
    })

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'rollcall-'))
  })
  afterEach(() => rm(dataDir, { recursive: true }))

  it.each<[stderr: string, args: readonly string[]]>([
    ['token: --organization must be a slug such as helping-hands', []],
    ['token: --organization must be a slug such as helping-hands', ['--organization', 'Helping Hands']],
    [
      'token: --role must be one of organization_owner, organization_member, organization_constituent',
      asked.slice(0, 2),
    ],
    [
      'token: --role must be one of organization_owner, organization_member, organization_constituent',
      [...asked, '--role', 'owner'],
    ],
    [
      'token: --expires must be a time such as 90s, 30m, 12h or 7d, and at most 366d',
      [...asked, '--expires', '12'],
    ],
    [
      'token: --expires must be a time such as 90s, 30m, 12h or 7d, and at most 366d',
      [...asked, '--expires', '367d'],
    ],
    ['token: --email must be an e-mail address', [...asked, '--email', 'ada']],
    ['token: --subject must have 1 to 255 characters', [...asked, '--subject', '']],
    ["token: Unknown option '--rolle'", [...asked, '--rolle', 'x']],
    ["token: Unexpected argument 'x'", [...asked, 'x']],
    ["token: Option '--role <value>' argument missing", [...asked, '--role']],
  ])('says "%s" and makes no token', async (stderr, args) => {
    const result = await run(args)
    expect(result).toMatchObject({ status: 2, stdout: '' })
    expect(result.stderr.split('\n')).toEqual([expect.stringContaining(stderr), ''])
    await expect(readdir(dataDir)).resolves.toEqual([])
  })

  it('refuses where tokens come from an issuer elsewhere', async () => {
    const issuer = { JWT_ISSUER: 'https://x.org', JWT_AUDIENCE: 'rollcall', JWKS_URL: 'https://x.org/jwks' }
    const stderr = 'token: JWT_ISSUER is set, so tokens come from that issuer and cannot be made here\n'
    await expect(run(asked, issuer)).resolves.toEqual({ status: 2, stdout: '', stderr })
  })

  it('refuses settings that make no sense', async () => {
    const result = await run(asked, { PORT: 'x' })
    expect(result).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/^token: PORT must be .*\n$/),
    })
  })

  it('fails with a sentence where the key cannot be stored', async () => {
    const result = await run(asked, { DATA_DIR: '/dev/null/x' })
    expect(result).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(/^token: .*\n$/) })
  })

  it('tells how it is used', async () => {
    await expect(run(['--help'])).resolves.toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^Usage: /),
    })
  })

  it('prints a token that the service takes, and nothing else', async () => {
    const { verifier } = await createOwnIssuer(dataDir)
    const { status, stdout, stderr } = await run(asked)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^\S+\n$/)
    await expect(verifier.verify(stdout.trim())).resolves.toEqual({
      organization: 'helping-hands',
      subject: 'local-owner',
      email: undefined,
      emailVerified: true,
      roles: ['organization_owner'],
    })
    const { iat = 0, exp = 0 } = decodeJwt(stdout.trim())
    expect(exp - iat).toBe(12 * 3600)
  })

  it('makes the key where the service has not started yet', async () => {
    const more = [
      '--role',
      'organization_member',
      '--subject',
      'ada',
      '--email',
      'ada@example.com',
      '--expires',
      '90s',
    ]
    const { stdout } = await run([...asked, ...more])
    const { verifier } = await createOwnIssuer(dataDir)
    await expect(verifier.verify(stdout.trim())).resolves.toEqual({
      organization: 'helping-hands',
      subject: 'ada',
      email: 'ada@example.com',
      emailVerified: true,
      roles: ['organization_owner', 'organization_member'],
    })
  })
})
