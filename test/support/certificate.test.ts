import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { makeCertificate } from './certificate.ts'

describe('a certificate of the tests', () => {
  it('is for its address, today, and signed by its own key', () => {
    const certificate = new X509Certificate(makeCertificate('127.0.0.1').cert)
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(certificate.checkIP('127.0.0.2')).toBeUndefined()
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.now())
    expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now())
  })
})
