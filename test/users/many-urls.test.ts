import { describe, expect, it } from '@jest/globals'
import { webAddress } from '../../src/users/rules.ts'

const addresses = [
  'https://bücher.example/',
  'https://x.exaémple/%zz',
  'https://x.example/ü',
  'https://例子.example/',
  'http://x.example/a',
]

describe('the verdict on a URL', () => {
  // Node 20 and 22: once it is compiled, URL.canParse refuses hosts with letters between U+0080 and U+00FF.
  it('is the same after thousands of others as it was at first', () => {
    const rule = webAddress(2_048)()
    const verdicts = () => addresses.map((address) => [address, rule.isValidSync(address)])
    expect(verdicts()).toEqual(addresses.map((address) => [address, true]))
    for (let number = 0; number < 60_000; number += 1) rule.isValidSync(`https://x.example/${number}`)
    expect(verdicts()).toEqual(addresses.map((address) => [address, true]))
  })
})
