import { hashOf } from './random.ts'
import type { SeededRow, Values } from './stored-user.ts'

/** What a row is made to be, and so what must become of it. */
export type Kind = 'new' | 'update' | 'by-id' | 'same' | 'bad-email' | 'bad-type' | 'repeat' | 'blank'

/** A row of an upload and what is known of it beforehand. */
export interface UploadRow {
  readonly kind: Kind
  readonly cells: readonly string[]
  /** Of an invalid row: how `errors` begins. */
  readonly errors: string | undefined
}

/** What an upload is made of; the same options give the same bytes. */
export interface UploadOptions {
  readonly seed: number
  /** Stands in every key, so that users of different runs can be told apart. Letters and digits. */
  readonly tag: string
  readonly rows: number
  /** Stands in the names of the rows, so that two uploads of the same users differ. */
  readonly variant?: string
  /** Whether the rows come last first. */
  readonly backward?: boolean
  /** Only rows that can be imported, and none of them twice. */
  readonly plain?: boolean
  /** Characters of an address in every row, to make it longer. */
  readonly padding?: number
}

/** Names of the header: two keys, and values of every kind. */
export const columns = [
  ...['id', 'slug', 'email', 'givenName', 'familyName', 'addressLine1', 'birthdate', 'active'],
  'providerType',
]

const OWN = 1
const OTHER = 2
/** Users whom no row names, as there may be some. */
const BYSTANDERS = 20
/** Rows whose keys somebody in the other organization has as well. */
const NAMESAKES = 50

const givenNames = ['Ada', 'Zoë', 'José', '李', 'Ольга', 'Anne "Nan"', 'Ng, Kim', "D'Arcy", '🙂']
const familyNames = ['Lovelace', 'Müller; Söhne', 'Łukasz', 'O’Neill', 'van der Berg', '王']
const addresses = ['', '', '', '1 High Street', '2, "The Lodge"', 'House 3\nBack yard', '4 | 5']
const delimiters = [',', ',', ';', '\t', '|']

/** A file of users, whose rows are computed when they are asked for: large ones take no memory. */
export class Upload {
  readonly options: UploadOptions
  readonly delimiter: string
  readonly lineEnd: string

  constructor(options: UploadOptions) {
    this.options = options
    this.delimiter = delimiters[hashOf(options.seed, -2) % delimiters.length]!
    this.lineEnd = hashOf(options.seed, -3) % 2 === 0 ? '\n' : '\r\n'
  }

  get rows(): number {
    return this.options.rows
  }

  /** Which of the rows, counted from 0 in the order of their keys, stands at a position of the file. */
  rowAt(position: number): number {
    return this.options.backward === true ? this.rows - 1 - position : position
  }

  kind(row: number): Kind {
    const share = hashOf(this.options.seed, row) % 100
    if (share < 7) return 'update'
    if (share < 11) return 'same'
    if (share < 13) return 'by-id'
    if (row === 0 || this.options.plain === true || share >= 22) return 'new'
    if (share < 16) return 'bad-email'
    if (share < 17) return 'bad-type'
    if (share < 19) return 'blank'
    return this.#repeated(row) === undefined ? 'new' : 'repeat'
  }

  /** The earlier row that a row repeats, if that is one which can be repeated. */
  #repeated(row: number): number | undefined {
    const distance = 1 + (hashOf(this.options.seed + 1, row) % Math.min(row, 2_000))
    const earlier = row - distance
    return hashOf(this.options.seed, earlier) % 100 >= 22 && this.slug(earlier) !== '' ? earlier : undefined
  }

  row(row: number): UploadRow {
    const kind = this.kind(row)
    return { kind, cells: this.#cells(kind, row), errors: this.#errors(kind, row) }
  }

  slug(row: number): string {
    const hasNone = this.kindIsNew(row) && hashOf(this.options.seed + 2, row) % 10 === 0
    return hasNone ? '' : this.#key(row)
  }

  email(row: number): string {
    return `${this.#key(row)}@faults.example`
  }

  private kindIsNew(row: number): boolean {
    return hashOf(this.options.seed, row) % 100 >= 22
  }

  #key(row: number): string {
    return `${this.options.tag}-u${row}`
  }

  #cells(kind: Kind, row: number): readonly string[] {
    const [given, family] = this.#names(row)
    const keys = [this.slug(row), this.email(row)] as const
    switch (kind) {
      case 'blank':
        return columns.map(() => '')
      case 'update':
        return ['', keys[0], '', given, family, this.#address(row), '', '', '']
      case 'by-id':
        return [idOf(this.#key(row)), '', '', given, family, this.#address(row), '', '', '']
      case 'same':
        return ['', keys[0], keys[1], 'Before', '', '', '1970-01-01', 'yes', '']
      case 'repeat': {
        const earlier = this.#repeated(row) ?? 0
        return ['', this.slug(earlier), this.email(earlier), 'Repeated', '', '', '', '', '']
      }
      case 'bad-email':
        return ['', keys[0], `no address ${row}`, given, family, '', '', '', '']
      case 'bad-type':
        return ['', keys[0], keys[1], given, family, '', '', '', 'Other']
      case 'new':
        return ['', ...keys, given, family, this.#address(row), this.#birthdate(row), this.#active(row), '']
    }
  }

  #errors(kind: Kind, row: number): string | undefined {
    const place = 'Validation error: '
    if (kind === 'bad-email') return `${place}email must be a valid email, but has no address ${row}`
    if (kind === 'bad-type')
      return `${place}providerType must be (Local, Google, SAML2, Provisioned) but has Other`
    if (kind !== 'repeat') return undefined
    return `${place}slug must be unique in the file, but row ${(this.#repeated(row) ?? 0) + 2} has `
  }

  #names(row: number): readonly [string, string] {
    const { seed, variant } = this.options
    const given = givenNames[hashOf(seed + 3, row) % givenNames.length]!
    const family = familyNames[hashOf(seed + 4, row) % familyNames.length]!
    const mark = variant === undefined ? '' : ` ${variant}`
    return [given + mark, family + mark]
  }

  #address(row: number): string {
    const { seed, padding = 0, variant } = this.options
    if (padding > 0) return `${row} `.padEnd(padding, 'Long-Lane-')
    const address = addresses[hashOf(seed + 5, row) % addresses.length]!
    // where two uploads of the same users differ, every row must say all that it can
    return variant === undefined ? address : `${address} ${variant}`.trim()
  }

  #birthdate(row: number): string {
    const some = hashOf(this.options.seed + 6, row)
    if (some % 3 === 0) return ''
    return `19${String(10 + (some % 90))}-0${1 + (some % 9)}-${10 + (some % 18)}`
  }

  #active(row: number): string {
    return ['', 'TRUE', 'no', 'FALSE', 'yes'][hashOf(this.options.seed + 7, row) % 5]!
  }

  /** What is stored of the user of a row before the upload, or `undefined` where he does not exist yet. */
  before(row: number): Values | undefined {
    const kind = this.kind(row)
    if (kind !== 'update' && kind !== 'by-id' && kind !== 'same') return undefined
    return {
      slug: this.slug(row),
      email: this.email(row),
      status: 'active',
      given_name: 'Before',
      family_name: 'Existing',
      birthdate: '1970-01-01',
      roles: ['organization_member', 'organization_constituent'],
    }
  }

  /** What is stored of the user of a row after the upload, or `undefined` where there is none. */
  after(row: number): Values | undefined {
    const kind = this.kind(row)
    const before = this.before(row)
    if (kind === 'same') return before
    const [given_name, family_name] = this.#names(row)
    const address_line1 = this.#address(row) || null
    if (before !== undefined) return { ...before, given_name, family_name, address_line1 }
    if (kind !== 'new') return undefined
    return {
      slug: this.slug(row) || null,
      email: this.email(row),
      given_name,
      family_name,
      address_line1,
      birthdate: this.#birthdate(row) || null,
      active: !['no', 'FALSE'].includes(this.#active(row)),
    }
  }

  /** The row of the user who has this address, where the upload names him. */
  rowOf(email: string): number | undefined {
    const [tag, rest = ''] = email.split('-u')
    const row = /^\d+@faults\.example$/.test(rest) ? parseInt(rest, 10) : -1
    return tag === this.options.tag && row >= 0 && row < this.rows ? row : undefined
  }

  /** Whoever is there before: users of rows, others, and namesakes of both in the other organization. */
  *seeded(): Generator<SeededRow> {
    for (let row = 0; row < this.rows; row += 1) {
      const values = this.before(row)
      if (values !== undefined) yield { organization: OWN, id: idOf(this.#key(row)), values }
    }
    yield* this.bystanders()
  }

  /** Those of {@link seeded} whom nothing may change. */
  *bystanders(): Generator<SeededRow> {
    for (let number = 0; number < BYSTANDERS; number += 1) {
      const key = `${this.options.tag}-by${number}`
      const values = { slug: key, email: `${key}@faults.example`, given_name: 'Bystander' }
      yield { organization: OWN, id: idOf(key), values }
    }
    for (let row = 0; row < Math.min(this.rows, NAMESAKES); row += 1) {
      const values = { slug: this.slug(row) || null, email: this.email(row), given_name: 'Namesake' }
      yield { organization: OTHER, id: idOf(`${this.#key(row)}-other`), values }
    }
  }

  /** The file, in pieces of about 64 KiB. */
  *chunks(): Generator<Buffer> {
    let text = columns.join(this.delimiter) + this.lineEnd
    for (let position = 0; position < this.rows; position += 1) {
      text += this.#line(this.rowAt(position)) + this.lineEnd
      if (text.length < 65_536) continue
      yield Buffer.from(text)
      text = ''
    }
    if (text !== '') yield Buffer.from(text)
  }

  bytes(): Buffer {
    return Buffer.concat([...this.chunks()])
  }

  #line(row: number): string {
    const { kind, cells } = this.row(row)
    if (kind === 'blank' && row % 2 === 0) return ''
    return cells.map((cell) => this.#written(cell)).join(this.delimiter)
  }

  #written(cell: string): string {
    const quoted = cell.includes(this.delimiter) || /["\r\n]/.test(cell)
    return quoted ? `"${cell.replaceAll('"', '""')}"` : cell
  }

  /** How many records, the header left out, are complete within the first bytes of the file. */
  rowsWithin(bytes: number): number {
    let left = bytes - Buffer.byteLength(columns.join(this.delimiter) + this.lineEnd)
    for (let position = 0; position < this.rows; position += 1) {
      left -= Buffer.byteLength(this.#line(this.rowAt(position)))
      // the first character of a line end ends a line
      if (left < 1) return position
      left -= this.lineEnd.length
    }
    return this.rows
  }
}

/** An id of 36 characters. */
function idOf(key: string): string {
  return key.padEnd(36, '_')
}

/** The id that a row's user has had before the upload. */
export const seededId = (upload: Upload, row: number): string => idOf(`${upload.options.tag}-u${row}`)
