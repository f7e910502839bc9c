import type { Answer } from './oracle/answer.ts'
import type { Complaint } from './oracle/complaint.ts'

/** A line of the table: one fault, over all its runs. */
export class Tally {
  readonly fault: string
  runs = 0
  sent = 0
  reported = 0
  found = 0
  doubled = 0
  hung = 0
  /** The longest that a first answer took, in milliseconds. */
  longest = 0
  /** The most memory that the service has had at once, in MB; 0 where that was not looked at. */
  memory = 0
  /** The worst p99 of /healthz, in milliseconds; 0 where that was not looked at. */
  slowest = 0
  /** What else there is to say, at the end of the line. */
  readonly notes: string[] = []
  readonly #complaints: string[] = []
  readonly #endings = new Map<string, number>()

  constructor(fault: string) {
    this.fault = fault
  }

  get lost(): number {
    return this.reported - this.found
  }

  /** How a first answer ended. */
  ended({ status, ending }: Answer): void {
    const how =
      ending === 'hung' ? 'hung' : status === 0 ? 'no answer' : status === 200 ? ending : String(status)
    this.#endings.set(how, (this.#endings.get(how) ?? 0) + 1)
    if (ending === 'hung') this.hung += 1
  }

  get endings(): string {
    return [...this.#endings]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([how, count]) => `${count} ${how}`)
      .join(', ')
  }

  /** Complaints, each with what it takes to repeat the run. */
  complain(where: string, complaints: readonly Complaint[]): void {
    for (const { property, what } of complaints) this.#complaints.push(`${property} · ${where}: ${what}`)
  }

  get complaints(): readonly string[] {
    return this.#complaints
  }

  get failed(): boolean {
    return this.#complaints.length > 0 || this.lost > 0 || this.doubled > 0 || this.hung > 0
  }
}
