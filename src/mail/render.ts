import type { Letter, Line } from './letter.ts'
import { escaped, wrapped } from './plain.ts'

const tokenNote = ({ links }: Letter): string =>
  `${links.length === 1 ? 'This link holds' : 'These links hold'} no token: a click is not enough. ` +
  'Send a token or credential, as with the import.'

/** A letter as plain text, in lines of at most 78 columns; only an address that is longer has a longer line. */
export function asText(letter: Letter): string {
  const parts = [
    letter.happened.map((sentence) => wrapped(sentence)),
    ['What to do next:', ...letter.next.map((sentence) => wrapped(sentence, '  '))],
    ...(letter.counts.length === 0 ? [] : [columns(letter.counts)]),
    ...(letter.faults.length === 0 ? [] : [['The most frequent faults:', ...faultLines(letter)]]),
    columns(letter.details),
    [...letter.links.flatMap(({ name, value }) => [`${name}:`, value]), wrapped(tokenNote(letter))],
    ['-- ', wrapped(letter.footer)],
  ]
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function columns(lines: readonly Line[]): readonly string[] {
  const width = Math.max(...lines.map(({ name }) => name.length))
  return lines.map(({ name, value }) => wrapped(value, `  ${name.padEnd(width)}  `))
}

function faultLines({ faults, moreFaults }: Letter): readonly string[] {
  const width = Math.max(...faults.map(({ name }) => name.length))
  const lines = faults.map(({ name, value }) => wrapped(value, `  ${name.padStart(width)}  `))
  return moreFaults === 0 ? lines : [...lines, `  and ${moreFaultsText(moreFaults)}`]
}

const moreFaultsText = (count: number): string => `${count} more kind${count === 1 ? '' : 's'} of fault`

/** A letter as an HTML page without scripts, pictures and anything else to fetch. */
export function asHtml(letter: Letter): string {
  const [headline = '', ...sentences] = letter.happened
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(letter.subject)}</title>
</head>
<body style="font-family: sans-serif; line-height: 1.5; max-width: 40em; margin: 1em">
<h1 style="font-size: 1.25em">${escaped(headline)}</h1>
${sentences.map(paragraph).join('\n')}
<h2 style="font-size: 1em">What to do next</h2>
${letter.next.map(paragraph).join('\n')}
${letter.links.map(link).join('\n')}
${paragraph(tokenNote(letter))}
${letter.counts.length === 0 ? '' : table('What became of it', letter.counts, 'right')}
${letter.faults.length === 0 ? '' : faultList(letter)}
${table('The import', letter.details, 'left')}
<p style="color: #595959">${escaped(letter.footer)}</p>
</body>
</html>
`
}

const paragraph = (sentence: string): string => `<p>${escaped(sentence)}</p>`

const link = ({ name, value }: Line): string =>
  `<p>${escaped(name)}: <a href="${escaped(value)}">${escaped(value)}</a></p>`

function table(caption: string, lines: readonly Line[], align: 'left' | 'right'): string {
  const rows = lines.map(
    ({ name, value }) =>
      `<tr><th scope="row" style="text-align: left; font-weight: normal; padding-right: 1em">${escaped(name)}</th>` +
      `<td style="text-align: ${align}">${escaped(value)}</td></tr>`,
  )
  return `<table>
<caption style="text-align: left; font-weight: bold">${escaped(caption)}</caption>
${rows.join('\n')}
</table>`
}

function faultList({ faults, moreFaults }: Letter): string {
  const items = faults.map(({ name, value }) => `<li>${escaped(name)} × ${escaped(value)}</li>`)
  const more = moreFaults === 0 ? [] : [`<li>and ${moreFaultsText(moreFaults)}</li>`]
  return `<h2 style="font-size: 1em">The most frequent faults</h2>
<ul>
${[...items, ...more].join('\n')}
</ul>`
}
