import { describe, expect, it } from '@jest/globals'
import { isSlug, organizationOf } from '../../src/auth/organization.ts'

const domain = 'portals.example.com'

describe('organizationOf', () => {
  it.each([
    '',
    'example.com',
    'evil.com',
    'evilportals.example.com',
    '.portals.example.com',
    'a.b.portals.example.com',
    'helping_hands.portals.example.com',
    '-a.portals.example.com',
    'helping-hands.portals.example.com.evil.com',
    'helping-hands.portals.example.com..',
    'helping-hands.portals.example.com:80:80',
    'helping-hands.localhost',
    '999.1.1.1',
    '::1',
    '[::g]',
    '2130706433',
  ])('knows no organization for %p', (host) => {
    expect(organizationOf(host, domain, 'token-s')).toBeUndefined()
  })

  it.each([
    'helping-hands.portals.example.com',
    'Helping-Hands.Portals.EXAMPLE.com',
    'helping-hands.portals.example.com.',
    'helping-hands.portals.example.com:8443',
    'helping-hands.portals.example.com.:8443',
  ])('reads the organization from %p', (host) => {
    expect(organizationOf(host, domain, 'token-s')).toBe('helping-hands')
  })

  it.each([
    domain,
    `${domain}.:3000`,
    'localhost',
    'LOCALHOST:3000',
    '127.0.0.1:3000',
    '10.1.2.3',
    '[::1]',
    '[::1]:3000',
  ])('takes the organization of the token on %p', (host) => {
    expect(organizationOf(host, domain, 'token-s')).toBe('token-s')
  })

  it('reads an organization below localhost where that is the portal', () => {
    expect(organizationOf('helping-hands.localhost:3000', 'localhost', 'token-s')).toBe('helping-hands')
  })
})

describe('isSlug', () => {
  it.each(['', 'A', 'a.b', 'a_b', '-a', 'a-', 'ä', 'a'.repeat(64), 'a\n'])('refuses %p', (text) => {
    expect(isSlug(text)).toBe(false)
  })

  it.each(['a', '1', 'helping-hands', 'a'.repeat(63)])('takes %p', (text) => {
    expect(isSlug(text)).toBe(true)
  })
})
