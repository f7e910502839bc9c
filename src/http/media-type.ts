import { parse } from 'content-type'
import { charsetNamed, unsupportedCharset } from '../csv/charset.ts'
import { ServiceError } from '../errors.ts'
import { cut } from '../users/text.ts'

/** How a body says that it is written. */
export interface MediaType {
  readonly isForm: boolean
  /** The parameter of the type, as it was sent. A form has none: what it says of its file is not looked at. */
  readonly charset: string | undefined
}

const csvTypes = ['text/csv', 'application/csv', 'text/tab-separated-values', 'application/vnd.ms-excel']
const formType = 'multipart/form-data'

/** Whether a Content-Type is that of a form with files (RFC 7578). */
export function isForm(header: string | undefined): boolean {
  return header !== undefined && parse(header).type === formType
}

/**
 * Reads a Content-Type; a body without one is taken for a file.
 *
 * @throws ServiceError `media_type.unsupported` or `charset.unsupported`, both 415
 */
export function readMediaType(header: string | undefined): MediaType {
  if (header === undefined || header.trim() === '') return { isForm: false, charset: undefined }
  if (isForm(header)) return { isForm: true, charset: undefined }
  const { type, parameters } = parse(header)
  if (!csvTypes.includes(type)) {
    const given = type === '' ? 'what the Content-Type says' : cut(type)
    const detail = `Send the file as text/csv, for instance with -H 'Content-Type: text/csv'; ${given} is not taken.`
    const headers = { Accept: [...csvTypes, formType].join(', ') }
    throw new ServiceError('media_type.unsupported', detail, { headers })
  }
  checkCharset(parameters['charset'])
  return { isForm: false, charset: parameters['charset'] }
}

const jsonTypes = ['application/json', 'text/json', 'application/*+json']

/**
 * Checks that a Content-Type is one of JSON in UTF-8 (RFC 8259 §8.1, RFC 6839 §3.1).
 *
 * @throws ServiceError `media_type.unsupported` or `charset.unsupported`, both 415
 */
export function checkJsonType(header: string | undefined): void {
  const { type, parameters } = parse(header ?? '')
  if (!/^(?:(?:application|text)\/json|application\/[\w!#$&^.+-]+\+json)$/.test(type)) {
    const given = type === '' ? 'The request has no Content-Type' : `${cut(type)} is not taken`
    const detail = `${given}: send the body as JSON, with -H 'Content-Type: application/json'.`
    throw new ServiceError('media_type.unsupported', detail, { headers: { Accept: jsonTypes.join(', ') } })
  }
  const charset = parameters['charset']
  if (charset === undefined || charsetNamed(charset)?.name === 'utf-8') return
  throw new ServiceError('charset.unsupported', `JSON is sent in UTF-8; ${cut(charset, 40)} is not taken.`)
}

function checkCharset(charset: string | undefined): void {
  if (charset !== undefined && charsetNamed(charset) === undefined) throw unsupportedCharset(charset)
}

/**
 * Reads a Content-Encoding.
 *
 * @throws ServiceError `encoding.unsupported`, 415
 */
export function readEncoding(header: string | undefined): 'gzip' | 'identity' {
  const encoding = (header ?? '').trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return 'identity'
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip'
  const detail = `Send the file as it is, or packed with Content-Encoding: gzip; ${cut(encoding)} is not taken.`
  throw new ServiceError('encoding.unsupported', detail, { headers: { 'Accept-Encoding': 'gzip, identity' } })
}
