import { getCountries, getCountryCallingCode, Metadata } from 'libphonenumber-js'

/** What the countries of one calling code have in common. */
interface Plan {
  /** How many digits a number may have after the calling code, in each of the countries. */
  readonly lengths: readonly number[]
  /** How numbers begin that the library would take a national prefix from, in any of the countries. */
  readonly prefix: RegExp
}

/** As much of the library's plan as its types leave out. */
interface LibraryPlan {
  possibleLengths(): readonly number[]
  nationalPrefixForParsing(): string | undefined
}

const LONGEST_CALLING_CODE = 3

const plainNumber = /^\+[1-9]\d*(?:[ -]\d+)*$/

let plans: ReadonlyMap<string, Plan> | undefined

/**
 * A number as E.164 where its digits already are: `+` and a calling code, no national prefix, and as many digits as are
 * possible in every country of that code, so that it does not matter which of them it belongs to. The library, to
 * which tests hold this, takes seven times as long, most of it to find that country.
 *
 * @returns `undefined` where only the library can tell
 */
export function plainPhoneNumber(value: string): string | undefined {
  if (!plainNumber.test(value)) return undefined
  const number = value.replace(/[ -]/g, '')
  plans ??= allPlans()
  for (let end = 2; end <= LONGEST_CALLING_CODE + 1; end += 1) {
    const plan = plans.get(number.slice(1, end))
    if (plan === undefined) continue
    const own = number.slice(end)
    return plan.lengths.includes(own.length) && !plan.prefix.test(own) ? number : undefined
  }
  return undefined
}

function allPlans(): ReadonlyMap<string, Plan> {
  const made = new Map<string, Plan>()
  for (const country of getCountries()) {
    const metadata = new Metadata()
    metadata.selectNumberingPlan(country)
    const code = getCountryCallingCode(country)
    made.set(code, common(made.get(code), metadata.numberingPlan as unknown as LibraryPlan))
  }
  return made
}

function common(before: Plan | undefined, plan: LibraryPlan): Plan {
  const lengths = plan.possibleLengths()
  const prefix = plan.nationalPrefixForParsing()
  const prefixes = [before?.prefix.source, prefix === undefined ? undefined : `^(?:${prefix})`]
  return {
    lengths: before === undefined ? lengths : lengths.filter((length) => before.lengths.includes(length)),
    // Of no prefix at all nothing is known to begin with.
    prefix: new RegExp(prefixes.filter((each) => each !== undefined).join('|') || '^(?!)'),
  }
}
