import { describe, expect, it } from '@jest/globals'
import { bearer, refuseTokenInUrl } from '../../src/auth/bearer.ts'
import { processorTime } from '../support/processor-time.ts'

describe('bearer', () => {
  it.each([
    undefined,
    '',
    '  ',
    'Basic YTpi',
    'Digest x="y"',
    'eyJhbGciOiJSUzI1NiJ9.e30.c2ln',
    'BearerX abc',
  ])('challenges plainly where the header is %p', (header) => {
    expect(() => bearer(header)).toThrow(
      expect.objectContaining({ code: 'token.missing', headers: { 'WWW-Authenticate': 'Bearer' } }),
    )
  })

  it.each([
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer "abc"',
    'Bearer abc, Basic YTpi',
    'Bearer =a',
    'Bearer a\tb',
    'Bearer é',
  ])('says that a header like %p is malformed', (header) => {
    expect(() => bearer(header)).toThrow(
      expect.objectContaining({
        code: 'token.invalid',
        headers: {
          'WWW-Authenticate': expect.stringMatching(
            /^Bearer error="invalid_token", error_description="[^"]+"$/,
          ),
        },
      }),
    )
  })

  // Where each blank were looked at once for every other, this would take many minutes.
  it('takes a long header of blanks in time that does not grow with its square', () => {
    const started = processorTime()
    expect(() => bearer(`Bearer a${' '.repeat(1_000_000)}b`)).toThrow('malformed')
    expect(processorTime() - started).toBeLessThan(30_000)
  })

  it.each(['Bearer abc.def-_~+/==', 'bearer abc.def-_~+/==', 'BEARER   abc.def-_~+/== '])(
    'reads %p',
    (header) => {
      expect(bearer(header)).toBe('abc.def-_~+/==')
    },
  )
})

describe('refuseTokenInUrl', () => {
  it.each([
    '/x?access_token=abc',
    '/x?a=1&Token=abc',
    '/x?q=eyJhbGciOiJSUzI1NiJ9.e30.c2ln',
    '/x?q=Bearer+eyJh.e30.c2ln',
  ])('refuses %s without repeating it', (url) => {
    expect(() => {
      refuseTokenInUrl(url)
    }).toThrow(
      expect.objectContaining({ code: 'request.token_in_url', message: expect.not.stringContaining('eyJ') }),
    )
  })

  it.each(['/x', '/x?', '/x?dryRun=true&map=email:Work%20Email', '/token', '/x?q=%'])(
    'lets %s pass',
    (url) => {
      expect(() => {
        refuseTokenInUrl(url)
      }).not.toThrow()
    },
  )
})
