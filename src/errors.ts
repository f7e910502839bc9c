/**
 * Every way in which the service refuses or gives up, and the HTTP status of each (RFC 9110).
 * A code is stable and for programs; the detail of a {@link ServiceError} is a sentence for people.
 */
const statuses = {
  'request.malformed': 400,
  'request.query': 400,
  'request.preference': 400,
  'request.token_in_url': 400,
  'request.idempotency_key': 400,
  'request.interrupted': 400,
  'request.form': 400,
  'encoding.broken': 400,
  'csv.not_csv': 400,
  'csv.header': 400,
  'letter.no_address': 400,
  'json.malformed': 400,
  'json.invalid': 400,
  'token.missing': 401,
  'token.invalid': 401,
  'credential.missing': 401,
  'credential.invalid': 401,
  'role.forbidden': 403,
  'route.unknown': 404,
  'organization.unknown': 404,
  'import.unknown': 404,
  'method.not_allowed': 405,
  'accept.not_acceptable': 406,
  'request.too_slow': 408,
  'import.stopped': 409,
  'import.erased': 410,
  'upload.too_large': 413,
  'upload.too_many_rows': 413,
  'upload.too_many_columns': 413,
  'upload.too_many_members': 413,
  'media_type.unsupported': 415,
  'encoding.unsupported': 415,
  'charset.unsupported': 415,
  'idempotency.mismatch': 422,
  'imports.too_many': 429,
  'attempts.too_many': 429,
  internal: 500,
  'database.unreachable': 503,
  'issuer.unreachable': 503,
  'service.stopping': 503,
  'turn.over': 503,
  'import.lost': 503,
  'import.aborted': 503,
} as const

/** A stable name for one way of failing. */
export type ErrorCode = keyof typeof statuses

/** What is wrong at one place of a JSON body. */
export interface BodyFault {
  /** Where: a JSON Pointer (RFC 6901). What is missing has the pointer at which it would stand. */
  readonly pointer: string
  /** What kind of fault it is, for programs. */
  readonly code: string
  /** Completes «what stands there …», and never holds a value of the body. */
  readonly detail: string
}

/** What a {@link ServiceError} may carry beside its sentence. */
export interface ServiceErrorOptions extends ErrorOptions {
  /** Header fields that the answer must have, such as `Allow` or `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>
  /** What is wrong with a JSON body, place by place. */
  readonly errors?: readonly BodyFault[]
}

/** An import or a request that ends here. A bad row is never one of these: it is a value. */
export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly headers: Readonly<Record<string, string>>
  readonly errors: readonly BodyFault[] | undefined

  /**
   * @param code - what failed, for programs
   * @param detail - one or two sentences for people: what was wrong, where, and what to do
   */
  constructor(code: ErrorCode, detail: string, options: ServiceErrorOptions = {}) {
    super(detail, options)
    this.name = 'ServiceError'
    this.code = code
    this.headers = options.headers ?? {}
    this.errors = options.errors
  }

  /** What stands in the receipt of an import that it has ended. */
  get reason(): { readonly code: ErrorCode; readonly detail: string } {
    return { code: this.code, detail: this.message }
  }

  /** The HTTP status for this error. */
  get status(): number {
    return statuses[this.code]
  }
}

/** A mistake of ours, as it may be told: whatever it was stands in the log alone. */
export const internal = (cause: unknown): ServiceError =>
  new ServiceError('internal', 'Something went wrong on our side; it has been logged.', { cause })

/** The service can't start as things are. Its message is for people: what is in the way, and what to do. */
export class RefusedStart extends Error {}
