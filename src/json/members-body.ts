import { ServiceError, type BodyFault } from '../errors.ts'
import { trimmed } from '../users/text.ts'
import { BodyFaults } from './body-faults.ts'
import { envelopeReaders, type MembersEnvelope } from './envelope.ts'
import type { JsonHandler, Scalar } from './json-parser.ts'
import { pointerTo } from './json-path.ts'
import { typeOf } from './json-types.ts'
import { newDraft, propertyPlaces, type MemberDraft, type PropertyPlace } from './members.ts'

/** The most members that one import may have. */
export const MEMBERS_LIMIT = 100_000

/** What is left of a string over the limit: more than any rule admits, whatever white space is around it. */
const CUT_LENGTH = 1_000

const envelopeNames = Object.keys(envelopeReaders) as (keyof MembersEnvelope)[]
type EnvelopeProperty = keyof MembersEnvelope | 'newMembers'
const envelopeProperties = new Map<string, EnvelopeProperty>(
  [...envelopeNames, 'newMembers' as const].map((name) => [name, name]),
)

/**
 * Where in the body the reader is; `outside` is before the envelope and after it. What is within a value that can't be
 * right is passed over.
 */
type Place = 'outside' | 'envelope' | 'members' | 'member'

/** Makes an envelope and members of what a JSON text says, and tells what of it can't be right. */
export class MembersBody implements JsonHandler {
  readonly #organizationId: number
  readonly #faults = new BodyFaults()
  readonly #envelope: Partial<MembersEnvelope> = {}
  /** Known properties that the envelope has had. */
  readonly #given = new Set<string>()
  /** The same of the present member: for each a bit, by its index. */
  #seen = 0
  #isObject = true
  #place: Place = 'outside'
  /** Objects and arrays that are open and passed over. */
  #passing = 0
  /** The key whose value follows. */
  #key = ''
  /** Whether that value is looked at. */
  #isWanted = false
  /** Where it belongs in a member, and what it may be. */
  #wanted: PropertyPlace = { index: 0, takes: 'a string' }
  #count = 0
  #draft = newDraft()
  #members: MemberDraft[] = []

  constructor(organizationId: number) {
    this.#organizationId = organizationId
  }

  /** How many members there were until now. */
  get count(): number {
    return this.#count
  }

  /** Whether nothing is wrong so far. */
  get isGood(): boolean {
    return this.#faults.count === 0
  }

  /** How many members can be taken. */
  get ready(): number {
    return this.#members.length
  }

  /** The members that are complete and were not taken yet. Where something is wrong there are none. */
  take(): MemberDraft[] {
    const taken = this.#members
    this.#members = []
    return this.isGood ? taken : []
  }

  /**
   * The envelope, when the body is whole.
   *
   * @throws ServiceError `json.invalid`, with all that is wrong
   */
  end(): MembersEnvelope {
    for (const name of envelopeProperties.keys()) {
      // Of a body that is no object nobody has to hear what it does not have.
      if (this.#isObject && !this.#given.has(name))
        this.#faults.add({ pointer: pointerTo(name), code: 'missing', detail: 'is required' })
    }
    const error = this.#faults.toError()
    if (error !== undefined) throw error
    return this.#envelope as MembersEnvelope
  }

  openObject(): void {
    if (this.#passing === 0 && this.#place === 'outside') this.#place = 'envelope'
    else if (this.#passing === 0 && this.#place === 'members') this.#openMember()
    else this.#pass('an object')
  }

  openArray(): void {
    const isMembers = this.#place === 'envelope' && this.#isWanted && this.#key === 'newMembers'
    if (this.#passing === 0 && isMembers) this.#place = 'members'
    else this.#pass('an array')
  }

  close(): void {
    if (this.#passing > 0) this.#passing -= 1
    else if (this.#place === 'member') this.#closeMember()
    else this.#place = this.#place === 'members' ? 'envelope' : 'outside'
  }

  key(name: string): void {
    if (this.#passing > 0) return
    this.#key = name
    const isFirst = this.#place === 'member' ? this.#isFirstOfMember(name) : this.#isFirstOfEnvelope(name)
    if (isFirst === undefined)
      this.#fault('unknown', `is no property of ${this.#place === 'member' ? 'a member' : 'an import'}`)
    else if (!isFirst) this.#fault('repeated', 'stands there twice: leave one out')
    this.#isWanted = isFirst === true
  }

  /** Whether a property did not stand there before; `undefined` where there is no such property. */
  #isFirstOfMember(name: string): boolean | undefined {
    const place = propertyPlaces.get(name)
    if (place === undefined) return undefined
    const before = this.#seen
    this.#seen |= 1 << place.index
    this.#wanted = place
    return this.#seen !== before
  }

  #isFirstOfEnvelope(name: string): boolean | undefined {
    if (!envelopeProperties.has(name)) return undefined
    const isFirst = !this.#given.has(name)
    this.#given.add(name)
    return isFirst
  }

  scalar(value: Scalar, isCut: boolean): void {
    if (this.#passing > 0) return
    if (this.#place === 'member') this.#property(value, isCut)
    else if (this.#place === 'envelope') this.#envelopeProperty(value)
    else this.#wrongType(typeOf(value))
  }

  /** An object or array that can't be right where it stands. */
  #pass(type: string): void {
    if (this.#passing === 0) this.#wrongType(type)
    this.#passing += 1
  }

  #wrongType(type: string): void {
    switch (this.#place) {
      case 'outside':
        this.#isObject = false
        this.#faults.add({ pointer: '', code: 'type', detail: `must be an object, but is ${type}` })
        break
      case 'members':
        this.#countMember()
        this.#faults.addOfMember({
          pointer: pointerTo('newMembers', this.#count - 1),
          code: 'type',
          detail: `must be an object, but is ${type}`,
        })
        break
      case 'envelope':
      case 'member':
        if (this.#isWanted) this.#fault('type', `must be ${this.#wantedType()}, but is ${type}`)
    }
  }

  #wantedType(): string {
    if (this.#place === 'member') return this.#wanted.takes
    return this.#key === 'newMembers'
      ? 'an array'
      : this.#key === 'organizationId'
        ? 'an integer'
        : 'a string'
  }

  /** Something is wrong with the present property. */
  #fault(code: string, detail: string): void {
    if (this.#place === 'member')
      this.#faults.addOfMember({ pointer: pointerTo('newMembers', this.#count - 1, this.#key), code, detail })
    else this.#faults.add({ pointer: pointerTo(this.#key), code, detail })
  }

  #envelopeProperty(value: Scalar): void {
    if (!this.#isWanted) return
    if (this.#key === 'newMembers') {
      this.#wrongType(typeOf(value))
      return
    }
    const name = this.#key as keyof MembersEnvelope
    const read = envelopeReaders[name](value, this.#organizationId)
    if ('fault' in read) this.#fault(read.fault.code, read.fault.detail)
    else Object.assign(this.#envelope, { [name]: read.value })
  }

  #countMember(): void {
    if (this.#count === MEMBERS_LIMIT) throw tooMany()
    this.#count += 1
  }

  #openMember(): void {
    this.#countMember()
    this.#place = 'member'
    this.#draft = newDraft()
    this.#seen = 0
  }

  #closeMember(): void {
    this.#place = 'members'
    if (this.isGood) this.#members.push(this.#draft)
  }

  #property(value: Scalar, isCut: boolean): void {
    if (!this.#isWanted) return
    const { takes, index } = this.#wanted
    const isRight =
      value === null
        ? takes !== 'a string'
        : typeof value === (takes === 'a boolean or null' ? 'boolean' : 'string')
    if (!isRight) this.#wrongType(typeOf(value))
    else if (isCut) this.#draft[index] = cutShort(value as string)
    else if (value !== '') this.#draft[index] = value as string | boolean | null
  }
}

function cutShort(head: string): string {
  return trimmed(head).slice(0, CUT_LENGTH).padEnd(CUT_LENGTH, '…')
}

function tooMany(): ServiceError {
  const pointer = pointerTo('newMembers')
  const detail = `must have at most ${MEMBERS_LIMIT} members`
  const errors: BodyFault[] = [{ pointer, code: 'too_many', detail }]
  const sentence = `${pointer} ${detail}: send them in parts, each with an id of its own. Nothing was imported.`
  return new ServiceError('upload.too_many_members', sentence, { errors })
}
