import type { Random } from '../random.ts'
import type { SeededRow } from '../stored-user.ts'
import { Upload } from '../upload.ts'
import { Members } from './members.ts'

/** An import that is to be done in the background. */
export interface Wanted {
  /** The `id` of a request of members, the Idempotency-Key of a file. */
  readonly key: string
  readonly organization: number
  /** All rows or none. */
  readonly strict: boolean
  /** Whether an earlier one has the same people, so that what its rows come to depends on that one. */
  readonly again: boolean
  readonly what: Upload | Members
}

export interface WantedOptions {
  /** Letters and digits that stand in every key. */
  readonly mark: string
  readonly count: number
  readonly organizations: number
  /** Of the larger ones. */
  readonly rows: readonly [number, number]
}

/** Imports of all kinds; each depends at most on earlier ones of its organization. */
export function wantedImports(random: Random, options: WantedOptions): readonly Wanted[] {
  const all: Wanted[] = []
  for (let number = 0; number < options.count; number += 1) {
    const organization = 1 + (number % options.organizations)
    const before = all.filter((one) => one.organization === organization && !one.again)
    const again = before.length > 0 && random.between(1, 8) === 1
    all.push(again ? anew(random.pick(before), number) : someImport(random, options, number, organization))
  }
  return all
}

function someImport(
  random: Random,
  { mark, rows }: WantedOptions,
  number: number,
  organization: number,
): Wanted {
  const seed = random.between(1, 2 ** 31)
  const size = random.pick([0, random.between(1, 100), ...Array<number>(6).fill(random.between(...rows))])
  const strict = random.between(1, 5) === 1
  // half of those that want all or none get all
  const plain = strict && random.between(0, 1) === 1
  const tag = `${mark}${number}x${seed.toString(36)}`
  const isMembers = !strict && random.between(0, 1) === 1
  return {
    key: `job-${number}`,
    organization,
    strict,
    again: false,
    what: isMembers
      ? new Members({ seed, tag, rows: size, organization, plain })
      : new Upload({ seed, tag, rows: size, plain }),
  }
}

/** The same people as before: whoever was new is known now. */
function anew(earlier: Wanted, number: number): Wanted {
  const key = `job-${number}`
  const { what } = earlier
  if (what instanceof Members) return { ...earlier, key, again: true }
  return { ...earlier, key, again: true, what: new Upload({ ...what.options, variant: 'again' }) }
}

/** Whoever is there before, of all of them. */
export function* seededFor(wanted: readonly Wanted[]): Generator<SeededRow> {
  for (const { again, what, organization } of wanted) {
    if (again) continue
    if (what instanceof Members) yield* what.seeded()
    else {
      for (const user of what.seeded()) if (user.organization === 1) yield { ...user, organization }
    }
  }
}
