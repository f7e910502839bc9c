import { ServiceError } from '../errors.ts'
import { tokenInvalid, tokenMissing } from './refusals.ts'

/**
 * Takes the token out of an `Authorization` header (RFC 6750 §2.1).
 *
 * @throws ServiceError `token.missing` If there is none, or one of another scheme.
 * @throws ServiceError `token.invalid` If what follows `Bearer` cannot be a token.
 */
export function bearer(header: string | undefined): string {
  const [scheme = '', ...rest] = (header ?? '').trim().split(/ +/)
  if (scheme === '') throw tokenMissing('A token is required: send the header Authorization: Bearer TOKEN')
  if (scheme.toLowerCase() !== 'bearer')
    throw tokenMissing(
      'The Authorization header has another scheme than Bearer: send Authorization: Bearer TOKEN',
    )
  if (!/^[\w.~+/-]+=*$/.test(rest.join(' ')))
    throw tokenInvalid('The Authorization header is malformed: it must be Bearer, one space and the token')
  return rest.join('')
}

const tokenNames = new Set(
  'access_token accesstoken application_token applicationtoken id_token bearer jwt token'.split(' '),
)
const looksLikeToken = /^(bearer\s+)?eyJ[\w-]*\.[\w-]+\.[\w-]*$|^rc[ab]_[\w-]{43}$/i

/**
 * Refuses a request whose query string carries a token or a credential's secret: URLs end up in logs, histories and
 * Referer headers.
 *
 * @param url - a request target, such as `/path?query`
 * @throws ServiceError `request.token_in_url`
 */
export function refuseTokenInUrl(url: string): void {
  const query = new URLSearchParams(/\?(.*)$/s.exec(url)?.[1])
  for (const [name, value] of query)
    if (tokenNames.has(name.toLowerCase()) || looksLikeToken.test(value))
      throw new ServiceError(
        'request.token_in_url',
        'A token must not stand in the URL, where logs keep it: send it in a header, and have this one revoked.',
      )
}
