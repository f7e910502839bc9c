import { hashText } from '../random.ts'
import { stateOf, type StoredUser } from '../stored-user.ts'
import { seededId, type Upload } from '../upload.ts'
import { Complaints, type Complaint } from './complaint.ts'

/** What was found in the table after uploads of the same users. */
export interface Found {
  readonly complaints: readonly Complaint[]
  /** By row: bit 1 where the user is as the first upload has him, bit 2 as the second, both where as both. */
  readonly states: Uint8Array
  /** By row: a hash of the user's id, 0 where there is none. */
  readonly ids: Int32Array
  /** Users who are there twice. */
  readonly doubled: number
}

/**
 * Reads the table after one upload, or two of the same users, and checks P8 and P10: everybody in it is as before
 * or as one of them has him, and nobody is missing or there twice.
 */
export async function readTable(
  pages: AsyncIterable<readonly StoredUser[]>,
  ...uploads: readonly Upload[]
): Promise<Found> {
  const reading = new TableReading(uploads)
  for await (const page of pages) for (const user of page) reading.user(user)
  return reading.found()
}

class TableReading {
  readonly #uploads: readonly Upload[]
  readonly #first: Upload
  readonly #complaints = new Complaints()
  readonly #states: Uint8Array
  readonly #ids: Int32Array
  readonly #bystanders = new Map<string, string>()
  #doubled = 0

  constructor(uploads: readonly Upload[]) {
    this.#uploads = uploads
    this.#first = uploads[0]!
    this.#states = new Uint8Array(this.#first.rows)
    this.#ids = new Int32Array(this.#first.rows)
    for (const { organization, id, values } of this.#first.bystanders())
      this.#bystanders.set(`${organization} ${id}`, stateOf(values))
  }

  user(user: StoredUser): void {
    const bystander = `${user.organization} ${user.id}`
    const expected = this.#bystanders.get(bystander)
    if (expected !== undefined) {
      this.#bystanders.delete(bystander)
      if (expected !== user.state)
        this.#complaints.add('P8 nothing else changed', `${bystander} was ${expected}, is ${user.state}`)
      return
    }
    const row = user.organization === 1 ? this.#first.rowOf(user.email) : undefined
    if (row === undefined)
      this.#complaints.add('P8 nothing else changed', `nobody should have made ${bystander} ${user.email}`)
    else this.#ofRow(row, user)
  }

  #ofRow(row: number, user: StoredUser): void {
    const where = `the user of row key ${row} (${this.#first.kind(row)})`
    if (this.#ids[row] !== 0) {
      this.#doubled += 1
      this.#complaints.add('P8 nothing else changed', `${where} is there twice`)
      return
    }
    this.#ids[row] = hashText(user.id)
    const before = this.#first.before(row)
    if (before !== undefined && user.id !== seededId(this.#first, row))
      this.#complaints.add('P8 nothing else changed', `${where} has another id, ${user.id}`)
    let known = before !== undefined && stateOf(before) === user.state
    this.#uploads.forEach((upload, index) => {
      const after = upload.after(row)
      if (after === undefined || stateOf(after) !== user.state) return
      this.#states[row]! |= 1 << index
      known = true
    })
    if (known) return
    const valid = this.#first.after(row) !== undefined
    const what = `${where} is ${user.state}, not ${stateOf(this.#first.after(row) ?? {})}`
    this.#complaints.add(valid ? 'P8 nothing else changed' : 'P10 nothing invalid is stored', what)
  }

  found(): Found {
    for (const gone of this.#bystanders.keys())
      this.#complaints.add('P8 nothing else changed', `${gone} is gone`)
    for (let row = 0; row < this.#first.rows; row += 1) {
      if (this.#ids[row] === 0 && this.#first.before(row) !== undefined)
        this.#complaints.add('P8 nothing else changed', `the user of row key ${row} is gone`)
    }
    return {
      complaints: this.#complaints.all,
      states: this.#states,
      ids: this.#ids,
      doubled: this.#doubled,
    }
  }
}
