import { ServiceError, type BodyFault } from '../errors.ts'

/** How many faults an answer lists, and how many bytes of JSON they may take. */
const LISTED = 10
const LISTED_BYTES = 1_000

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
    const errors = listed([...this.#ofEnvelope, ...this.#ofMembers])
    const [first] = errors
    if (first === undefined) return undefined
    const where = first.pointer === '' ? 'The body' : first.pointer
    const others = this.#count - 1
    const more =
      others === 0 ? '' : `, and there ${others === 1 ? 'is 1 other fault' : `are ${others} other faults`}`
    const missing =
      this.#count > errors.length ? `; errors lists the first ${errors.length} of ${this.#count}` : ''
    const detail = `${where} ${first.detail}${more}${missing}. Nothing was imported: mend the body and send it again.`
    return new ServiceError('json.invalid', detail, { errors })
  }
}

function listed(faults: readonly BodyFault[]): BodyFault[] {
  const errors: BodyFault[] = []
  let bytes = 0
  for (const fault of faults.slice(0, LISTED)) {
    bytes += Buffer.byteLength(JSON.stringify(fault)) + 1
    if (bytes > LISTED_BYTES) break
    errors.push(fault)
  }
  return errors
}
