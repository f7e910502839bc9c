/** A BCP 47 language tag in canonical form; `undefined` where it is none. `_` is taken for `-`. */
export function canonicalLocale(value: string): string | undefined {
  if (value.length > 100) return undefined
  try {
    return Intl.getCanonicalLocales(value.replaceAll('_', '-'))[0]
  } catch {
    return undefined
  }
}

const areas = /^(?:Africa|America|Asia|Atlantic|Europe|Indian|Pacific)\//i

const asTitle = (name: string): string =>
  name.toLowerCase().replace(/(?<![a-z])[a-z]/g, (letter) => letter.toUpperCase())

/**
 * An IANA time zone that this machine's Intl knows. Only its letter case is mended: Intl resolves a zone to
 * another name of the same zone (Asia/Kolkata to Asia/Calcutta), and that is not what was sent.
 */
export function canonicalTimeZone(value: string): string | undefined {
  if (value.length > 64 || !/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(value)) return undefined
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions()
    if (timeZone.toLowerCase() === value.toLowerCase()) return timeZone
    // Another name of the zone, whose spelling Intl does not tell: those of an area are written like titles.
    const isCased = value !== value.toLowerCase() && value !== value.toUpperCase()
    return isCased || !areas.test(value) ? value : asTitle(value)
  } catch {
    return undefined
  }
}
