import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey, JWK, JWTHeaderParameters } from 'jose'
import type { RemoteIssuer } from '../../src/auth/token-verifier.ts'

/** A moment that does not move; tests move it. */
export class FrozenClock {
  now = Date.UTC(2026, 10, 22)

  readonly read = () => this.now

  advance(seconds: number): void {
    this.now += seconds * 1000
  }
}

/** A key pair of an issuer, with the public half as it is published. */
export interface IssuerKey {
  readonly kid: string | undefined
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly jwk: JWK
}

export async function makeKey(kid: string | undefined, alg = 'RS256'): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), alg, use: 'sig', ...(kid === undefined ? {} : { kid }) }
  return { kid, privateKey, publicKey, jwk }
}

/** The claims of a good token; undefined takes one away. */
export function claimsAt(now: number, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: 'https://issuer.example.com/',
    aud: 'rollcall',
    exp: Math.floor(now / 1000) + 3600,
    iat: Math.floor(now / 1000),
    sub: 'user-1',
    organization: 'helping-hands',
    roles: ['organization_owner'],
    email: 'ada@example.com',
    ...changes,
  }
}

export async function sign(
  key: IssuerKey,
  claims: Record<string, unknown>,
  header: Partial<JWTHeaderParameters> = {},
) {
  const protectedHeader = { alg: key.jwk.alg!, ...(key.kid === undefined ? {} : { kid: key.kid }), ...header }
  return new SignJWT(claims).setProtectedHeader(protectedHeader).sign(key.privateKey)
}

/** A server of a key set on loopback that counts how often it is asked. */
export class FakeIssuer {
  requests = 0
  published: readonly JWK[] = []
  /** Set to have requests answered otherwise. */
  answer: RequestListener | undefined
  readonly #server = createServer((request, response) => {
    this.requests += 1
    if (this.answer !== undefined) this.answer(request, response)
    else response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: this.published }))
  })

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get settings(): RemoteIssuer {
    return {
      issuer: 'https://issuer.example.com/',
      audience: 'rollcall',
      jwksUrl: `${this.origin}/jwks.json`,
      algorithms: ['RS256'],
    }
  }

  /** As an issuer that is there but does not work, or whose machine refuses connections. */
  goDown(): void {
    this.answer = (request) => request.socket.destroy()
  }

  comeBack(): void {
    this.answer = undefined
  }
}
