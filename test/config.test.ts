import { resolve } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { ConfigError, readConfig } from '../src/config.ts'

const issuer = {
  JWT_ISSUER: 'https://issuer.example.com/',
  JWT_AUDIENCE: 'rollcall',
  JWKS_URL: 'https://issuer.example.com/jwks.json',
}
const postgres = { DATABASE_URL: 'postgresql://rollcall:secret@db:5432/rollcall' }

describe('readConfig', () => {
  it.each<[name: string, values: readonly string[]]>([
    ['PORT', ['-1', '65536', '3e3', '80.0', '0x50', 'http', '1 2']],
    ['HOST', ['http://localhost', 'localhost:3000', '1.2.3', '[::1]', 'a b']],
    ['PORTAL_DOMAIN', ['https://x.org', 'x.org:80', '127.0.0.1', '::1', 'a..b', 'a_b', '*.x.org', 'x.org/']],
    [
      'PUBLIC_URL',
      ['x.org', 'ftp://x.org', 'http://', 'https://x.org/?a', 'https://x.org/#a', 'https://u:p@x.org'],
    ],
    [
      'DATABASE_URL',
      ['mysql://root:secret@db/x', 'root:secret@db', 'postgres', 'postgres://u:secret@db:x/y'],
    ],
    ['MIGRATION_DATABASE_URL', ['mysql://root:secret@db/x']],
    [
      'JWKS_URL',
      [
        'http://issuer.example.com/jwks',
        'file:///etc/passwd',
        'jwks',
        'https://u:secret@x.org/',
        'https://x.org/#a',
      ],
    ],
    ['JWT_ALGORITHMS', ['HS256', 'none', 'RS256,HS512', 'RS256 ES256', 'ES256K', 'RS1']],
    [
      'ORGANIZATIONS',
      [
        'A',
        'a_b',
        'a:0',
        'a:-1',
        'a:x',
        'a:',
        ':1',
        'a:1:2',
        'a:2147483648',
        'a.b',
        'a,a',
        'a:1,a:2',
        'a:1,b:1',
      ],
    ],
    [
      'MAX_UPLOAD_BYTES',
      ['0', '-1', '1.5 MiB', '256 XB', 'MiB', '1 MiB 2', '9007199254740992', '9999999999 GiB'],
    ],
    ['MAX_ROWS', ['0', '-1', '1.5', '1e6', '1_000', '2147483648']],
    ['MAX_IMPORTS', ['0', '-1', '1.5', 'many', '2147483648']],
    ['MAX_IMPORTS_PER_ORGANIZATION', ['0', '-1', '1.5', 'many', '2147483648']],
    [
      'SMTP_URL',
      [
        'mail.example.com',
        'http://mail.example.com',
        'smtp://',
        'smtp://user@mail.example.com',
        'smtp://:secret@mail.example.com',
        'smtp://user:secret%@mail.example.com',
        'smtp://mail.example.com:0',
        'smtp://mail.example.com/inbox',
        'smtp://mail.example.com/#secret',
        'smtp://mail.example.com?pool=true',
        'smtp://mail.example.com?requireTLS=true&logger=true',
        'smtp://a_b',
        'smtp://a b',
      ],
    ],
    [
      'MAIL_FROM',
      [
        'rollcall',
        'rollcall@',
        '@example.com',
        'a@b@example.com',
        'a b@example.com',
        'a@example.com, b@example.com',
        'jürgen@example.com',
        'Rollcall <rollcall>',
        'a@example.com\nBcc: b@example.com',
        'R <r@example.com>\r\nBcc: <b@example.com>',
        'a..b@example.com',
        'a@127.0.0.1',
      ],
    ],
    ['RECEIPT_DAYS', ['0', '-1', '0.5', '7d', 'forever', '36501']],
    ['RECEIPT_BYTES', ['0', '-1', '5 GiBs', '1.5 GiB', 'all']],
    [
      'TRUSTED_PROXIES',
      [
        'true',
        '*',
        '1',
        'loopback',
        'proxy.example.com',
        '10.0.0.0/33',
        '::/129',
        '10.0.0.0/',
        '0.0.0.0/0',
        '::/0',
      ],
    ],
    [
      'ALLOWED_ORIGINS',
      ['*', 'null', 'x.org', 'https://x.org/path', 'https://x.org/?a', 'ftp://x.org', 'https://*'],
    ],
    ['LOG_LEVEL', ['verbose', '30', 'true']],
  ])('refuses a %s that makes no sense, in one sentence that names it', (name, values) => {
    for (const value of values) {
      const read = () => readConfig({ [name]: value })
      expect(read).toThrow(new RegExp(`^${name} must be [^\n]+, but has [^\n]+$`))
      expect(read).not.toThrow('secret')
      expect(read).toThrow(ConfigError)
    }
  })

  it('quotes what it refuses, and of a list only the entry', () => {
    expect(() => readConfig({ PORT: '70000' })).toThrow(
      'PORT must be a whole number from 0 to 65535, but has 70000',
    )
    expect(() => readConfig({ TRUSTED_PROXIES: '10.0.0.1, true' })).toThrow(/, but has true$/)
    expect(() => readConfig({ PUBLIC_URL: 'https://u:hunter2@x.org/?key=hunter2' })).toThrow(
      /, but has …@x\.org\/\?…$/,
    )
    expect(() => readConfig({ LOG_LEVEL: `a\nb${'x'.repeat(200)}` })).toThrow(/, but has a bx{97}…$/)
  })

  it.each(Object.keys(issuer))('refuses an issuer without %s', (name) => {
    expect(() => readConfig({ ...issuer, [name]: ' ' })).toThrow(new RegExp(`^${name} must be set`))
  })

  it('refuses settings of an issuer without one', () => {
    expect(() => readConfig({ JWKS_URL: issuer.JWKS_URL })).toThrow(/^JWT_ISSUER must be set/)
    expect(() => readConfig({ JWT_AUDIENCE: 'rollcall' })).toThrow(/^JWT_ISSUER must be set/)
    expect(() => readConfig({ JWT_ALGORITHMS: 'ES256' })).toThrow(/^JWT_ISSUER must be set/)
  })

  it.each([
    { HOST: '0.0.0.0' },
    { HOST: '::' },
    { HOST: '192.168.1.2' },
    { PORTAL_DOMAIN: 'portals.example.com' },
  ])('refuses to be its own issuer for others than this machine: %j', (env) => {
    expect(() => readConfig(env)).toThrow(
      /^JWT_ISSUER must be set unless PORTAL_DOMAIN is localhost and HOST/,
    )
    expect(readConfig({ ...env, ...issuer }).issuer.kind).toBe('remote')
  })

  it('refuses a database for migrations only', () => {
    expect(() => readConfig({ MIGRATION_DATABASE_URL: postgres.DATABASE_URL })).toThrow(
      /^DATABASE_URL must be set/,
    )
  })

  it('refuses a mail server without a sender, and a sender without a mail server', () => {
    expect(() => readConfig({ SMTP_URL: 'smtp://u:secret@mail.example.com' })).toThrow(
      /^MAIL_FROM must be set where SMTP_URL is, but has nothing$/,
    )
    expect(() => readConfig({ MAIL_FROM: 'a@example.com' })).toThrow(
      /^SMTP_URL must be set where MAIL_FROM is, but has nothing$/,
    )
  })

  it.each([
    ['smtp://mail.example.com', { port: 587, secure: false, requireTls: false, login: undefined }],
    ['smtps://mail.example.com/', { port: 465, secure: true, requireTls: false, login: undefined }],
    ['SMTP://Mail.Example.com:25?requireTLS=true', { port: 25, secure: false, requireTls: true }],
    ['smtp://u%40x:p%3A%2F@mail.example.com', { requireTls: true, login: { user: 'u@x', password: 'p:/' } }],
    ['smtp://u:p@mail.example.com?requireTLS=false', { requireTls: false }],
  ])('reads %s', (SMTP_URL, server) => {
    const { mail } = readConfig({ SMTP_URL, MAIL_FROM: 'a@example.com' })
    expect(mail).toMatchObject({
      server: { host: 'mail.example.com', ...server },
      from: { name: '', address: 'a@example.com' },
    })
  })

  it.each([
    ['smtp://u:p@localhost:2525', 'localhost'],
    ['smtp://u:p@127.0.0.1', '127.0.0.1'],
    ['smtp://u:p@[::1]:25', '::1'],
  ])('sends a password without TLS only to this machine: %s', (SMTP_URL, host) => {
    expect(readConfig({ SMTP_URL, MAIL_FROM: 'a@example.com' }).mail?.server).toMatchObject({
      host,
      requireTls: false,
    })
  })

  it.each([
    ['Rollcall <rollcall@example.com>', 'Rollcall'],
    ['"Roll, call" <rollcall@example.com>', 'Roll, call'],
    ['Größe <rollcall@example.com>', 'Größe'],
    ['<rollcall@example.com>', ''],
  ])('reads the sender %s', (MAIL_FROM, name) => {
    const { mail } = readConfig({ SMTP_URL: 'smtp://localhost', MAIL_FROM })
    expect(mail?.from).toEqual({ name, address: 'rollcall@example.com' })
  })

  it('needs no settings', () => {
    const dataDir = resolve('.data')
    expect(readConfig({})).toEqual({
      port: 3000,
      host: '127.0.0.1',
      database: { kind: 'embedded', dataDir },
      portalDomain: 'localhost',
      publicUrl: 'http://localhost:3000',
      issuer: { kind: 'own', dataDir },
      organizations: [{ slug: 'helping-hands', id: 1 }],
      maxUploadBytes: 268_435_456,
      maxRows: 1_000_000,
      mail: undefined,
      maxImports: 64,
      maxImportsPerOrganization: 16,
      receiptDays: 7,
      receiptBytes: 5_368_709_120,
      trustedProxies: [],
      allowedOrigins: [],
      logLevel: 'info',
    })
  })

  it('takes a blank setting for one that is not set', () => {
    const names =
      'PORT HOST DATABASE_URL MIGRATION_DATABASE_URL DATA_DIR PORTAL_DOMAIN PUBLIC_URL JWT_ISSUER JWT_AUDIENCE'
    const rest =
      'JWKS_URL JWT_ALGORITHMS ORGANIZATIONS MAX_UPLOAD_BYTES MAX_ROWS TRUSTED_PROXIES ALLOWED_ORIGINS LOG_LEVEL'
    const receipts = 'SMTP_URL MAIL_FROM MAX_IMPORTS MAX_IMPORTS_PER_ORGANIZATION RECEIPT_DAYS RECEIPT_BYTES'
    const blank = Object.fromEntries(`${names} ${rest} ${receipts}`.split(' ').map((name) => [name, ' \t']))
    expect(readConfig(blank)).toEqual(readConfig({}))
    expect(readConfig({ ORGANIZATIONS: ' , ' })).toEqual(readConfig({}))
  })

  it('reads every setting', () => {
    const config = readConfig({
      ...issuer,
      ...postgres,
      PORT: '0',
      HOST: '0.0.0.0',
      MIGRATION_DATABASE_URL: 'postgres://owner@db/rollcall',
      DATA_DIR: '/var/lib/rollcall',
      PORTAL_DOMAIN: 'Portals.Example.COM.',
      PUBLIC_URL: 'https://portals.example.com/app/',
      JWT_ALGORITHMS: 'ES256, EdDSA',
      ORGANIZATIONS: 'helping-hands:7, food-bank,',
      MAX_UPLOAD_BYTES: '10 MB',
      MAX_ROWS: '5',
      SMTP_URL: 'smtps://u:p@mail.example.com',
      MAIL_FROM: 'Rollcall <rollcall@example.com>',
      MAX_IMPORTS: '8',
      MAX_IMPORTS_PER_ORGANIZATION: '2',
      RECEIPT_DAYS: '30',
      RECEIPT_BYTES: '1 GiB',
      TRUSTED_PROXIES: '10.0.0.0/8, ::1, 192.168.1.1, fd00::/8',
      ALLOWED_ORIGINS: 'https://Portal.example.com, http://localhost:8080/',
      LOG_LEVEL: 'DEBUG',
    })
    expect(config).toEqual({
      port: 0,
      host: '0.0.0.0',
      database: {
        kind: 'postgres',
        url: postgres.DATABASE_URL,
        migrationUrl: 'postgres://owner@db/rollcall',
      },
      portalDomain: 'portals.example.com',
      publicUrl: 'https://portals.example.com/app',
      issuer: {
        kind: 'remote',
        issuer: issuer.JWT_ISSUER,
        audience: 'rollcall',
        jwksUrl: issuer.JWKS_URL,
        algorithms: ['ES256', 'EdDSA'],
      },
      organizations: [
        { slug: 'helping-hands', id: 7 },
        { slug: 'food-bank', id: undefined },
      ],
      maxUploadBytes: 10_000_000,
      maxRows: 5,
      mail: {
        server: {
          host: 'mail.example.com',
          port: 465,
          secure: true,
          requireTls: true,
          login: { user: 'u', password: 'p' },
        },
        from: { name: 'Rollcall', address: 'rollcall@example.com' },
      },
      maxImports: 8,
      maxImportsPerOrganization: 2,
      receiptDays: 30,
      receiptBytes: 1_073_741_824,
      trustedProxies: ['10.0.0.0/8', '::1', '192.168.1.1', 'fd00::/8'],
      allowedOrigins: ['https://portal.example.com', 'http://localhost:8080'],
      logLevel: 'debug',
    })
  })

  it.each([
    ['268435456', 268_435_456],
    ['1KiB', 1024],
    ['2 mib', 2 ** 21],
    ['1 GiB', 2 ** 30],
    ['1 kB', 1000],
    ['1 GB', 1e9],
  ])('reads %s as a number of bytes', (text, bytes) => {
    expect(readConfig({ MAX_UPLOAD_BYTES: text }).maxUploadBytes).toBe(bytes)
  })

  it.each([
    'http://localhost:8080/jwks',
    'http://127.0.0.2/jwks',
    'http://[::1]/jwks',
    'https://x.org/jwks?v=1',
  ])('lets keys be fetched from %s', (JWKS_URL) => {
    expect(readConfig({ ...issuer, JWKS_URL }).issuer).toMatchObject({
      jwksUrl: JWKS_URL,
      algorithms: ['RS256'],
    })
  })

  it.each(['localhost', '127.0.0.1', '127.1.2.3', '::1'])('is its own issuer on %s', (HOST) => {
    expect(readConfig({ HOST, ...postgres }).issuer.kind).toBe('own')
  })

  it('makes links from domain and port where no address is given', () => {
    expect(readConfig({ PORT: '8080' }).publicUrl).toBe('http://localhost:8080')
    expect(readConfig({ PORT: '80' }).publicUrl).toBe('http://localhost')
    expect(readConfig({ PORTAL_DOMAIN: 'x.org', ...issuer }).publicUrl).toBe('https://x.org')
  })

  it('makes no organization in a database of somebody else’s, and migrates it by the same address', () => {
    expect(readConfig(postgres)).toMatchObject({
      organizations: [],
      database: { migrationUrl: postgres.DATABASE_URL },
    })
  })

  it('is frozen to the bottom', () => {
    const config = readConfig({})
    expect(Object.isFrozen(config) && Object.isFrozen(config.database)).toBe(true)
    expect(Object.isFrozen(config.organizations) && Object.isFrozen(config.organizations[0])).toBe(true)
  })
})
