import createParser, { type Busboy, type FileInfo } from 'busboy'
import { parse } from 'content-type'
import type { Readable } from 'node:stream'
import { tokenInvalid } from '../auth/refusals.ts'
import { ServiceError } from '../errors.ts'
import { cut } from '../users/text.ts'
import { interrupted } from './body.ts'
import { label } from './file-name.ts'

/** A form (RFC 7578) up to its file. */
export interface Form {
  readonly fileName: string | undefined
  /** The field `access_token`. */
  readonly accessToken: string | undefined
  /** The bytes of the file. It ends only when the whole form has been read and was complete. */
  readonly file: AsyncGenerator<Buffer>
}

/** How a form is read. */
export interface FormOptions {
  /** The header with the boundary. */
  readonly contentType: string
  /** Names of options that stand in the query. A field of such a name is refused, for it would not be heard. */
  readonly optionNames: readonly string[]
}

// What a form may say before its file. Nobody need have shown a token by then.
const HEAD_BYTES = 2 ** 20
const FIELDS = 50
// No token is longer.
const FIELD_BYTES = 16 * 2 ** 10
// RFC 2046 §5.1.1. Looking for a longer one takes longer.
const BOUNDARY = 70

/**
 * Reads a form up to where its one file begins. Fields that mean nothing here are left unread, as a button has one.
 *
 * @param bytes - the form; is ended when the file is, or when this throws
 * @throws ServiceError `request.form` for what is no form with one file, `request.interrupted` for one that has no
 *   end, and what `bytes` throws; the file throws them too
 */
export async function openForm(bytes: AsyncGenerator<Buffer>, options: FormOptions): Promise<Form> {
  try {
    const reader = new FormReader(options)
    await readHead(reader, bytes)
    return { fileName: reader.fileName, accessToken: reader.accessToken, file: fileOf(reader, bytes) }
  } catch (error) {
    await bytes.return(undefined)
    throw error
  }
}

async function readHead(reader: FormReader, bytes: AsyncGenerator<Buffer>): Promise<void> {
  for (let read = 0; read <= HEAD_BYTES;) {
    const next = await bytes.next()
    if (next.done === true) {
      await reader.end()
      throw formError(
        'The form has no file: send it as a part with a file name, as curl -F file=@users.csv does.',
      )
    }
    reader.write(next.value)
    if (reader.hasFile) return
    await reader.settled()
    read += next.value.length
  }
  throw formError('The form has no file in its first MiB: leave out long fields, or put them after the file.')
}

async function* fileOf(reader: FormReader, bytes: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* reader.pieces()
    await reader.settled()
    for await (const chunk of bytes) {
      reader.write(chunk)
      yield* reader.pieces()
      await reader.settled()
    }
    await reader.end()
  } finally {
    await bytes.return(undefined)
    reader.close()
  }
}

/** Takes a form apart, one chunk at a time. */
class FormReader {
  readonly #parser: Busboy
  readonly #optionNames: ReadonlySet<string>
  #file: Readable | undefined
  #failure: Error | undefined
  #isEnding = false
  fileName: string | undefined
  accessToken: string | undefined

  constructor({ contentType, optionNames }: FormOptions) {
    this.#optionNames = new Set(optionNames)
    this.#parser = openParser(contentType)
    this.#parser.on('file', (_name, file, info) => {
      this.#begin(file, info)
    })
    this.#parser.on('field', (name, value, { valueTruncated }) => {
      this.#field(name, value, valueTruncated)
    })
    this.#parser.on('filesLimit', () => {
      this.#fail(formError('The form has more than one file: send a form for each.'))
    })
    this.#parser.on('fieldsLimit', () => {
      this.#fail(formError(`The form has more than ${FIELDS} fields beside its file: leave them out.`))
    })
    this.#parser.on('error', (error) => {
      this.#fail(this.#isEnding ? interrupted(error) : malformedPart(error))
    })
  }

  get hasFile(): boolean {
    return this.#file !== undefined
  }

  #fail(error: Error): void {
    this.#failure ??= error
  }

  #begin(file: Readable, { filename, encoding }: FileInfo): void {
    // Its end is told by the form; without a listener it would be an exception.
    file.on('error', () => undefined)
    this.#file = file
    this.fileName = label(filename ?? '')
    if (!/^(?:7bit|8bit|binary)$/.test(encoding))
      this.#fail(formError(`Send the file of a form without Content-Transfer-Encoding: ${cut(encoding)}.`))
  }

  #field(name: string | undefined, value: string, isCut: boolean): void {
    if (name !== undefined && this.#optionNames.has(name))
      this.#fail(formError(`The field ${name} of the form is not taken: say it in the query, ?${name}=…`))
    if (name !== 'access_token') return
    if (this.hasFile)
      this.#fail(formError('The field access_token comes after the file: put it before the file.'))
    else if (this.accessToken !== undefined)
      this.#fail(formError('The form has the field access_token twice: leave one out.'))
    else if (isCut || !/^[\w.~+/-]+=*$/.test(value))
      this.#fail(tokenInvalid('The field access_token is malformed: it must be the token and nothing else'))
    else this.accessToken = value
  }

  /** Takes a chunk in. What it holds of the file must be read before the next. */
  write(chunk: Buffer): void {
    this.#parser.write(chunk)
    this.#check()
  }

  /** What has come of the file. */
  *pieces(): Generator<Buffer> {
    for (;;) {
      const piece = this.#file?.read() as Buffer | null | undefined
      if (!piece) return
      yield piece
    }
  }

  /** Resolves when the next chunk can be taken in. */
  async settled(): Promise<void> {
    if (this.#parser.writableNeedDrain) await this.#until('drain')
    this.#check()
  }

  /** No chunk follows. */
  async end(): Promise<void> {
    this.#isEnding = true
    this.#parser.end()
    await this.#until('finish')
    this.#check()
  }

  async #until(event: 'drain' | 'finish'): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#parser.once(event, resolve).once('close', resolve)
    })
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  close(): void {
    this.#parser.destroy()
  }
}

function openParser(contentType: string): Busboy {
  const { boundary = '' } = parse(contentType).parameters
  if (boundary.length > BOUNDARY)
    throw formError(`The boundary of the form is longer than ${BOUNDARY} characters (RFC 2046): use another.`)
  try {
    return createParser({
      headers: { 'content-type': contentType },
      // Each chunk is waited for.
      highWaterMark: 1,
      defParamCharset: 'latin1',
      limits: { files: 1, fields: FIELDS, fieldSize: FIELD_BYTES },
    })
  } catch (cause) {
    const detail = 'The Content-Type of the form names no boundary: leave that header to what makes the form.'
    throw formError(detail, cause)
  }
}

const malformedPart = (cause: unknown): ServiceError =>
  formError('A part of the form has headers that can not be read.', cause)

function formError(detail: string, cause?: unknown): ServiceError {
  return new ServiceError('request.form', detail, { cause })
}
