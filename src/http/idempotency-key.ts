import { ServiceError } from '../errors.ts'

/** With quotes around it, as its standard has it, or without: it is the same key. */
export function unquoted<T extends string | undefined>(key: T): T {
  return key?.replace(/^"(.*)"$/, '$1') as T
}

/**
 * The idempotency key of a request, from the header's fields.
 *
 * @throws ServiceError `request.idempotency_key`
 */
export function idempotencyKeyOf(given: readonly string[] | undefined): string | undefined {
  if (given === undefined) return undefined
  const key = unquoted((given[0] ?? '').trim())
  if (given.length === 1 && /^[!-~](?:[ -~]{0,253}[!-~])?$/.test(key)) return key
  const detail = 'Idempotency-Key must be there once, with 1 to 255 printable ASCII characters.'
  throw new ServiceError('request.idempotency_key', detail)
}
