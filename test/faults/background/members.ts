import { hashOf } from '../random.ts'
import type { SeededRow, Values } from '../stored-user.ts'

/** What a member is made to be. */
export type MemberKind = 'new' | 'known' | 'bad-email' | 'long-name' | 'repeat'

/** What the members of a request are made of; the same options give the same ones. */
export interface MembersOptions {
  readonly seed: number
  /** Stands in every address. Letters and digits. */
  readonly tag: string
  readonly rows: number
  readonly organization: number
  /** Only members that can be imported, and none of them twice. */
  readonly plain?: boolean
}

const names = ['Ada', 'Zoë', 'José', '李', 'Ольга', 'Anne "Nan"', 'Ng, Kim', "D'Arcy", '🙂']

/** The members of one request, and what is known of each beforehand. */
export class Members {
  readonly options: MembersOptions

  constructor(options: MembersOptions) {
    this.options = options
  }

  get rows(): number {
    return this.options.rows
  }

  kind(row: number): MemberKind {
    const share = this.#some(0, row) % 100
    if (share < 10) return 'known'
    if (row === 0 || this.options.plain === true || share >= 22) return 'new'
    if (share < 15) return 'bad-email'
    if (share < 17) return 'long-name'
    return this.#repeated(row) === undefined ? 'new' : 'repeat'
  }

  /** The earlier member whom this one repeats: a few, or thousands, before it. */
  #repeated(row: number): number | undefined {
    const earlier = row - 1 - (this.#some(1, row) % row)
    return this.#some(0, earlier) % 100 >= 22 ? earlier : undefined
  }

  #some(salt: number, row: number): number {
    return hashOf(this.options.seed + salt, row)
  }

  /** Who is meant by the member, as an address; nobody's where it is a bad one. */
  email(row: number): string {
    return this.kind(row) === 'repeat' ? this.#address(this.#repeated(row) ?? 0) : this.#address(row)
  }

  #address(row: number): string {
    return `${this.options.tag}-m${row}@faults.example`
  }

  member(row: number): Readonly<Record<string, unknown>> {
    const kind = this.kind(row)
    const [given, family] = this.#names(row)
    return {
      emailAddress: kind === 'bad-email' ? `no address ${row}` : this.email(row),
      givenName: given,
      ...(row % 3 === 0 ? { familyName: family } : {}),
      displayName: kind === 'long-name' ? 'x'.repeat(251) : row % 5 === 0 ? null : `${given} ${row}`,
      ...(this.#isAdmin(row) ? { makeAdmin: true } : {}),
    }
  }

  #names(row: number): readonly [string, string] {
    return [names[this.#some(2, row) % names.length]!, names[this.#some(3, row) % names.length]!]
  }

  readonly #isAdmin = (row: number): boolean => this.#some(4, row) % 20 === 0

  /** What is stored before the request of the user whom a member means, if anything is. */
  before(row: number): Values | undefined {
    if (this.kind(row) !== 'known') return undefined
    return { email: this.#address(row), family_name: 'Existing', roles: ['organization_constituent'] }
  }

  /** What is stored of him afterwards; nothing where the member is invalid. */
  after(row: number): Values | undefined {
    const kind = this.kind(row)
    if (kind !== 'new' && kind !== 'known') return undefined
    const [given_name, family] = this.#names(row)
    const role = this.#isAdmin(row) ? 'organization_owner' : 'organization_member'
    const before = this.before(row)
    return {
      email: this.#address(row),
      name: row % 5 === 0 ? null : `${given_name} ${row}`,
      given_name,
      family_name: before?.['family_name'] ?? (row % 3 === 0 ? family : null),
      roles: before === undefined ? [role] : [role, 'organization_constituent'],
    }
  }

  /** Whoever is there before. */
  *seeded(): Generator<SeededRow> {
    for (let row = 0; row < this.rows; row += 1) {
      const values = this.before(row)
      const id = `${this.options.tag}-m${row}`.padEnd(36, '_')
      if (values !== undefined) yield { organization: this.options.organization, id, values }
    }
  }

  /** The body of the request. */
  body(id: string): string {
    const { organization, rows } = this.options
    return JSON.stringify({
      id,
      importDate: '2026-11-24T01:02:03Z',
      importFilename: `${id}.json`,
      importingUserId: 'nobody',
      organizationId: organization,
      newMembers: Array.from({ length: rows }, (_, row) => this.member(row)),
    })
  }
}
