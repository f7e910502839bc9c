import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { decodeJwt } from 'jose'
import { createOwnIssuer } from '../../src/auth/own-issuer.ts'
import { FrozenClock } from './fake-issuer.ts'

const grant = {
  organization: 'helping-hands',
  subject: 'local-owner',
  email: undefined,
  roles: ['organization_owner'],
  expiresIn: 3600,
}
const invalid = { code: 'token.invalid', status: 401 }

describe('an issuer of the service’s own', () => {
  let folder: string
  let dataDir: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-'))
    dataDir = join(folder, 'a', 'b')
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('refuses tokens of another data directory', async () => {
    const stranger = await createOwnIssuer(join(folder, 'other'))
    const { verifier } = await createOwnIssuer(dataDir)
    await expect(verifier.verify(await stranger.sign(grant))).rejects.toMatchObject(invalid)
  })

  it('refuses a token whose time is over', async () => {
    const clock = new FrozenClock()
    const { sign, verifier } = await createOwnIssuer(dataDir, clock.read)
    const token = await sign(grant)
    clock.advance(3609)
    await expect(verifier.verify(token)).resolves.toMatchObject({ subject: 'local-owner' })
    clock.advance(1)
    await expect(verifier.verify(token)).rejects.toMatchObject({
      ...invalid,
      message: 'The token has expired.',
    })
  })

  it('refuses a token that was altered', async () => {
    const { sign, verifier } = await createOwnIssuer(dataDir)
    const [header, , signature] = (await sign(grant)).split('.') as [string, string, string]
    const claims = { ...decodeJwt(await sign(grant)), organization: 'other' }
    const altered = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
    await expect(verifier.verify(altered)).rejects.toMatchObject(invalid)
  })

  it.each(['', '{"kty":"RSA","n":"secret-n","d":', '{}', 'null'])(
    'says what to do with a key file of %p',
    async (text) => {
      await writeFile(join(folder, 'issuer-key.json'), text)
      const failure = createOwnIssuer(folder)
      await expect(failure).rejects.toThrow(/issuer-key\.json holds no private key: delete it/)
      await expect(failure).rejects.not.toThrow('secret-n')
    },
  )

  it('says so where the key cannot be stored', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(createOwnIssuer(join(folder, 'file'))).rejects.toThrow('ENOTDIR')
  })

  it('takes the tokens that it signs, after a restart too', async () => {
    const token = await (await createOwnIssuer(dataDir)).sign({ ...grant, email: 'ada@example.com' })
    const { verifier } = await createOwnIssuer(dataDir)
    await expect(verifier.ready()).resolves.toBeUndefined()
    await expect(verifier.verify(token)).resolves.toEqual({
      organization: 'helping-hands',
      subject: 'local-owner',
      email: 'ada@example.com',
      emailVerified: true,
      roles: ['organization_owner'],
    })
  })

  it('keeps its key from other users of the machine', async () => {
    await createOwnIssuer(dataDir)
    expect((await stat(join(dataDir, 'issuer-key.json'))).mode & 0o777).toBe(0o600)
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700)
  })

  it('makes one key where many start at once, and leaves nothing else behind', async () => {
    const issuers = await Promise.all(Array.from({ length: 8 }, () => createOwnIssuer(dataDir)))
    const tokens = await Promise.all(issuers.map(({ sign }) => sign(grant)))
    for (const { verifier } of issuers) for (const token of tokens) await verifier.verify(token)
    await expect(readdir(dataDir)).resolves.toEqual(['issuer-key.json'])
    expect(JSON.parse(await readFile(join(dataDir, 'issuer-key.json'), 'utf8'))).toMatchObject({ kty: 'RSA' })
  })
})
