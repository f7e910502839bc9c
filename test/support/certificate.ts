import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A key and a certificate for it, as PEM. */
export interface Certified {
  readonly key: string
  readonly cert: string
}

/** Makes a certificate that vouches for itself alone (RFC 5280), for an IPv4 address, from yesterday until tomorrow. */
export function makeCertificate(address: string): Certified {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from('a test')))))
  const validity = sequence(timeAt(-DAY), timeAt(DAY))
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' })
  const addresses = sequence(der(0x87, Buffer.from(address.split('.').map(Number))))
  const extensions = der(0xa3, sequence(sequence(subjectAltName, der(0x04, addresses))))
  const serial = der(0x02, Buffer.concat([Buffer.of(1), randomBytes(15)]))
  const parts = [version3, serial, ecdsaWithSha256, name, validity, name, subjectKey, extensions]
  const said = sequence(...parts)
  const signature = der(0x03, Buffer.of(0), sign('sha256', said, privateKey))
  const certificate = sequence(said, ecdsaWithSha256, signature).toString('base64')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  }
}

const DAY = 86_400_000

/** A value in DER: what it is, how long it is, and what it holds. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...head), content])
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)

const version3 = der(0xa0, der(0x02, Buffer.of(2)))
const commonName = der(0x06, Buffer.of(0x55, 4, 3))
const subjectAltName = der(0x06, Buffer.of(0x55, 29, 17))
const ecdsaWithSha256 = sequence(der(0x06, Buffer.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2)))

/** So many milliseconds from now, as `YYMMDDHHMMSSZ`. */
function timeAt(distance: number): Buffer {
  const time = new Date(Date.now() + distance).toISOString().replace(/\D/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${time}Z`))
}
