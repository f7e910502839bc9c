import { describe, expect, it } from '@jest/globals'
import { basic } from '../../src/auth/basic.ts'

const encoded = (text: string): string => Buffer.from(text).toString('base64')

describe('Authorization: Basic', () => {
  it.each([
    'Basic',
    'Basic ',
    'Basic =',
    'Basic aWQ6c2VjcmV0 x',
    'Basic aWQ6c2VjcmV0,Basic aWQ6c2VjcmV0',
    'Basic id:secret',
    'Basic aW\u00E4Q6',
    `Basic ${encoded('without a colon')}`,
    `Basic ${Buffer.from([0x69, 0x64, 0x3a, 0xff]).toString('base64')}`,
    `Basicx ${encoded('id:secret')}`,
    `Bearer ${encoded('id:secret')}`,
  ])('refuses %j with a sentence, and never asks a browser for a password', (header) => {
    const refused = (): unknown => basic(header)
    expect(refused).toThrow(
      'The Authorization header is malformed: after Basic there must be ID:SECRET in base64.',
    )
    expect(refused).toThrow(
      expect.objectContaining({ status: 401, headers: { 'WWW-Authenticate': 'Bearer' } }),
    )
  })

  it.each([
    [`Basic ${encoded('id:secret')}`, { id: 'id', secret: 'secret' }],
    [`  bASIC   ${encoded('id:se:cr:et')}`, { id: 'id', secret: 'se:cr:et' }],
    [`Basic ${encoded('id:s').replaceAll('=', '')}`, { id: 'id', secret: 's' }],
    [`Basic ${encoded(':')}`, { id: '', secret: '' }],
    [`Basic ${encoded('Zoë:Ünï')}`, { id: 'Zoë', secret: 'Ünï' }],
  ])('reads %j', (header, read) => {
    expect(basic(header)).toEqual(read)
  })
})
