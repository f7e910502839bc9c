import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import iconv from 'iconv-lite'
import { columnIndex, columns } from '../../src/users/columns.ts'
import { meantBy } from '../../src/users/misread.ts'

/** What becomes of UTF-8 that is read as windows-1252. */
const misread = (text: string): string =>
  Array.from(Buffer.from(text), (byte) => {
    const character = iconv.decode(Buffer.from([byte]), 'windows-1252')
    return character === '\uFFFD' ? String.fromCharCode(byte) : character
  }).join('')

const real =
  `José Müller|Zoë Nuñez|João São Brandão|IRMÃ DULCE|ANDRÉ ÂNGELO|Ângela Ávila|Øystein Åsgård|Åsa Öberg|ÅSE ÄNGEL
   |Ærø|Jürgen Groß|GROẞ|Łukasz Żółć|Dvořák Šimůnek|Ąžuolas|Šarūnas|Țepeș Ștefan|Ayşe Çağlar İnönü|Iłıca|Đorđe Đặng
   |Nguyễn Văn Ưng|Hồ Chí Minh|Þór Ðorláksdóttir|SIGURÐUR|Ñandú|ESPAÑA|Ó Dochartaigh|D’Ávila|L’Île|«Zoé»|“Zoë”
   |CAFÉ®|Nestlé™|É® É™|JOSÉ’S|Zoë’s|«IRMû|MÃ’S|SÃO “JOÃO”|N° 5|1ª Avenida 2º B|½ Street|2×½ 3×¼|Øl & Mad ©|¡Olé!|¿Qué?
   |Иван Ёжиков|Γιώργος Κουφός|שלום|محمد علي|佐藤 太郎|김철수|สมชาย|अमित|ქართული|Հայերեն|አማርኛ|𠀀𝒳|😀
   |Âžž|Skolt Sääʹm|Čõõđ|Sámi Áššu|Ŵyn ŷ|Għaxaq Ħal|Māori Ōtara|Hawaiʻi ʻŌ|Ä|Å|Ã|Â|â|€|â‚|Ã…|Å’|Ä“|Î’ÎLE|Ç’a|xÃ’|iPadÅ’s`
    .split('|')
    .map((name) => name.trim())

const cased = real.flatMap((name) => [name, name.toUpperCase(), name.toLowerCase(), name.normalize('NFD')])

describe('a name as it was written', () => {
  it.each([...new Set(cased)])('is not taken for misread: %j', (name) => {
    expect(meantBy(name)).toBeUndefined()
  })

  it('is not taken for misread beside any other', () => {
    const word = fc.constantFrom(...cased)
    const separator = fc.constantFrom(' ', ', ', '-', ' (', '/', '. ')
    fc.assert(
      fc.property(fc.array(fc.tuple(word, separator), { minLength: 1, maxLength: 5 }), (parts) => {
        expect(meantBy(parts.flat().join(''))).toBeUndefined()
      }),
      { numRuns: 20_000 },
    )
  })

  it('is not taken for misread where any letter stands beside any other', () => {
    const latin = 'AÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿŁłŚśŞşČčĞğİıĐđŐőŰű'
    const letters = fc.array(fc.constantFrom(...Array.from(latin + 'abcxyz .-’')), { maxLength: 12 })
    fc.assert(
      fc.property(letters, (some) => {
        expect(meantBy(some.join(''))).toBeUndefined()
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('a name that was misread', () => {
  it.each([
    ['JosÃ©', 'José'],
    ['MÃ¼ller', 'Müller'],
    ['JoÃ£o', 'João'],
    ['GarcÃ\u00ADa', 'García'],
    ['FranÃ§ois', 'François'],
    ['JesÃºs', 'Jesús'],
    ['Ã–zil', undefined],
    ['Ã¥se', 'åse'],
    ['SimÃµes', 'Simões'],
    ['Å\u0081ukasz', undefined],
    ['MichaÅ‚', 'Michał'],
    ['DvoÅ™Ã¡k', 'Dvořák'],
    ['AyÅŸe', 'Ayşe'],
    ['Oâ€™Neill', 'O’Neill'],
    ['Jeanâ€“Luc', 'Jean–Luc'],
    ['AnnaÂ\u00A0Belle', 'Anna\u00A0Belle'],
    ['Ð˜Ð²Ð°Ð½', 'Иван'],
    ['å¼\u00A0ä¼Ÿ', '张伟'],
  ])('is known where it is certain: %j', (name, meant) => {
    expect(meantBy(name)).toBe(meant)
  })

  it.each(
    real.filter((name) => /\p{Ll}\p{M}*[\u00DF-\u00FF\u0100-\u017F]\p{Ll}|[\u0370-\uFFFF]{3}/u.test(name)),
  )('is known by its own misreading: %j', (name) => {
    expect(meantBy(misread(name))).toBe(name)
  })

  it('is never known by the short cut for good cells', () => {
    for (const name of real) {
      const damaged = misread(name)
      if (meantBy(damaged) === undefined) continue
      for (const column of ['name', 'addressLine1', 'gender'] as const) {
        expect(columns[columnIndex[column]]!.plain.test(damaged)).toBe(false)
      }
    }
  })
})
