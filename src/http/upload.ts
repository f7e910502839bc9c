import type { IncomingMessage } from 'node:http'
import { tokenMissing } from '../auth/refusals.ts'
import { limitBytes } from '../csv/bytes.ts'
import { ServiceError } from '../errors.ts'
import { bodyOf } from './body.ts'
import { fileNameOf } from './file-name.ts'
import { openForm } from './form.ts'
import { inflated } from './inflate.ts'
import { isForm, readEncoding, readMediaType } from './media-type.ts'
import { Patience, uploadPace, type Pace } from './pace.ts'

/** A file that is being sent. */
export interface Upload {
  /**
   * The bytes of the file, unpacked and out of its form. It ends only where the request was complete; leaving it
   * half-way leaves the connection open. It throws ServiceErrors: `request.interrupted`, `request.too_slow`,
   * `request.form`, `encoding.broken`, `upload.too_large`.
   */
  readonly bytes: AsyncGenerator<Buffer>
  /** What the client calls the file, fit to be shown. */
  readonly fileName: string | undefined
  /** The charset that the media type names, as it was sent. */
  readonly charset: string | undefined
  /** Whether it came in a form, where the Content-Type names no charset. */
  readonly inForm: boolean
  /** The token that came in a form. */
  readonly accessToken: string | undefined
}

/** How an upload is read, and how large it may be. */
export interface UploadOptions {
  /** The most bytes that the file may have, packed or not. */
  readonly maxBytes: number
  /** Names of options that stand in the query, and so must not be fields of a form. Default: none. */
  readonly optionNames?: readonly string[]
  /** How slowly it may come. Default: {@link uploadPace}. */
  readonly pace?: Pace
}

// What forms and gzip put around a file of the size that is just allowed.
const ENVELOPE_BYTES = 2 ** 20

/**
 * Opens what a request uploads: a file as it is, or packed (`Content-Encoding: gzip`), or in a form. Of a form it
 * reads what comes before the file, of others nothing.
 *
 * @throws ServiceError 400, 401, 408, 413 or 415
 */
export async function openUpload(req: IncomingMessage, options: UploadOptions): Promise<Upload> {
  const { maxBytes, optionNames = [], pace = uploadPace } = options
  const contentType = req.headers['content-type']
  const mediaType = readMediaType(contentType)
  const { bytes, patience } = openBody(req, {
    maxBytes,
    pace,
    aroundIt: mediaType.isForm ? ENVELOPE_BYTES : 0,
  })
  if (!mediaType.isForm) {
    const fileName = fileNameOf(req.headers['content-disposition'])
    return { bytes, fileName, charset: mediaType.charset, inForm: false, accessToken: undefined }
  }
  // Up to its file a form is like the head of a request: nobody has shown a token yet.
  patience.earning = false
  const { file, ...form } = await openForm(bytes, { contentType: contentType ?? '', optionNames })
  patience.earning = true
  if ((form.accessToken === undefined) === (req.headers.authorization === undefined)) {
    await bytes.return(undefined)
    throw form.accessToken === undefined ? noToken() : twoTokens()
  }
  return { bytes: limitBytes(file, maxBytes), charset: undefined, inForm: true, ...form }
}

/** A body that is being sent. */
export interface OpenBody {
  /** Its bytes, unpacked. Leaving them half-way leaves the connection open. */
  readonly bytes: AsyncGenerator<Buffer>
  /** The patience with the client that is left. */
  readonly patience: Patience
}

/**
 * Opens the body of a request, as it is or packed (`Content-Encoding: gzip`). Nothing is read of it yet.
 *
 * @param options.aroundIt - bytes that the body may have beside the `maxBytes` of what it brings. Default: none
 * @throws ServiceError 413 or 415; and the bytes throw as those of an {@link Upload} do
 */
export function openBody(
  req: IncomingMessage,
  options: { readonly maxBytes: number; readonly pace?: Pace; readonly aroundIt?: number },
): OpenBody {
  const { maxBytes, pace = uploadPace, aroundIt = 0 } = options
  const isPacked = readEncoding(req.headers['content-encoding']) === 'gzip'
  const largest = maxBytes + (isPacked ? ENVELOPE_BYTES : aroundIt)
  if (Number(req.headers['content-length'] ?? 0) > largest) throw tooLarge(req, maxBytes)
  const patience = new Patience(pace)
  const body = limitBytes(bodyOf(req, patience), largest)
  return { bytes: isPacked ? inflated(body, maxBytes + aroundIt) : body, patience }
}

/** Whether a request brings its token, if any, in a form. Who calls is then known only when the upload is open. */
export function bringsTokenInForm({ headers }: IncomingMessage): boolean {
  return headers.authorization === undefined && isForm(headers['content-type'])
}

function tooLarge(req: IncomingMessage, maxBytes: number): ServiceError {
  const length = req.headers['content-length'] ?? ''
  const detail = `The upload has ${length} bytes; up to ${maxBytes} are taken: send it in parts.`
  return new ServiceError('upload.too_large', detail)
}

const noToken = (): ServiceError =>
  tokenMissing(
    'A token is required: send the header Authorization: Bearer TOKEN, or in the form, before the file, the field access_token',
  )

/** RFC 6750 §2: two of them leave open whose upload it is. */
const twoTokens = (): ServiceError =>
  new ServiceError(
    'request.form',
    'Send the token once: in the Authorization header or in the field access_token.',
  )
