import { ServiceError, type BodyFault } from '../errors.ts'
import { shown } from '../users/text.ts'

/** How many faults an answer lists, and how many bytes they may take together with its sentence. */
const LISTED = 10
const ANSWER_BYTES = 1_500

/** What is wrong with a body. However much that is, only what an answer lists is kept. */
export class BodyFaults {
  readonly #ofEnvelope: BodyFault[] = []
  readonly #ofMembers: BodyFault[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  /** A fault of the envelope: these are listed first. */
  add(fault: BodyFault): void {
    this.#count += 1
    if (this.#ofEnvelope.length < LISTED) this.#ofEnvelope.push(fault)
  }

  addOfMember(fault: BodyFault): void {
    this.#count += 1
    if (this.#ofMembers.length < LISTED) this.#ofMembers.push(fault)
  }

  /** The refusal of the body, where there is a fault. */
  toError(): ServiceError | undefined {
    const faults = [...this.#ofEnvelope, ...this.#ofMembers].slice(0, LISTED)
    const [first] = faults
    if (first === undefined) return undefined
    const errors = fitting(faults, ANSWER_BYTES - Buffer.byteLength(this.#sentence(first, LISTED)))
    const detail = this.#sentence(first, errors.length)
    return new ServiceError('json.invalid', detail, { errors })
  }

  #sentence(first: BodyFault, listed: number): string {
    const where = first.pointer === '' ? 'The body' : shown(first.pointer)
    const others = this.#count - 1
    const more =
      others === 0 ? '' : `, and there ${others === 1 ? 'is 1 other fault' : `are ${others} other faults`}`
    const missing = this.#count > listed ? `; errors lists the first ${listed} of ${this.#count}` : ''
    return `${where} ${first.detail}${more}${missing}. Nothing was imported: mend the body and send it again.`
  }
}

/** The first faults whose JSON has so many bytes at most. */
function fitting(faults: readonly BodyFault[], bytes: number): BodyFault[] {
  let left = bytes
  const end = faults.findIndex((fault) => (left -= Buffer.byteLength(JSON.stringify(fault)) + 1) < 0)
  return faults.slice(0, end === -1 ? undefined : end)
}
