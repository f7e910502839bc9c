import { describe, expect, it } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../src', import.meta.url))

interface Import {
  /** The importing file, from `src/`. */
  readonly file: string
  /** What it imports: a file, from `src/`, or a module. */
  readonly target: string
  readonly isModule: boolean
  readonly typesOnly: boolean
}

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'))
  .sort()

const sources = new Map(files.map((file) => [file, parsed(file)]))
const imports = files.flatMap(importsOf)
const folderOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file)

function parsed(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true)
}

function importsOf(file: string): Import[] {
  const found: Import[] = []
  const add = (specifier: ts.Node | undefined, typesOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return
    const isModule = !specifier.text.startsWith('.')
    const target = isModule ? specifier.text : relative(root, join(root, dirname(file), specifier.text))
    found.push({ file, target, isModule, typesOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, onlyTypes(node.importClause))
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false)
    ts.forEachChild(node, visit)
  }
  visit(sources.get(file)!)
  return found
}

function onlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const { name, namedBindings } = clause
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false
  return namedBindings.elements.every((element) => element.isTypeOnly)
}

const formats = ['import/answer.ts', 'users/columns.ts', 'users/faults.ts', 'users/text.ts', 'errors.ts']

/**
 * Who may import whom, as ARCHITECTURE.md has it: a folder, a file, or `folder (types)` where only types may
 * be taken. Every folder may import its own files.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'log.ts': [],
  'main.ts': ['compose.ts', 'config.ts', 'errors.ts', 'http', 'log.ts'],
  'background.ts': ['import', 'receipts', 'jobs', 'mail', 'db', 'config.ts'],
  'compose.ts': [
    'background.ts',
    ...['import', 'users', 'receipts', 'csv', 'json', 'jobs', 'mail', 'auth', 'db', 'http'],
    ...['errors.ts', 'config.ts', 'set-up.ts'],
  ],
  'administer.ts': ['set-up.ts', 'auth (types)', 'db', 'config.ts'],
  'set-up.ts': ['db', 'config.ts'],
  http: ['import', 'users', 'receipts', 'csv', 'json', 'jobs', 'auth', 'errors.ts', 'log.ts'],
  jobs: ['import', 'users', 'receipts', 'csv', 'json', 'errors.ts'],
  // a receipt's writer is where the engine stores its batches
  receipts: ['import (types)', 'users/user-directory.ts (types)', 'errors.ts'],
  // a sentence that people read is in users/faults.ts, and what is blank in users/text.ts; the words for what
  // became of a row, the same in every format, are in import/answer.ts;
  // users/formula.ts has both ways of what the export guards and the import takes off
  // an answer is kept as CSV, so csv/keep-answer.ts makes the chunks
  csv: ['import (types)', 'receipts (types)', 'receipts/chunk.ts', ...formats, 'users/formula.ts'],
  json: ['import (types)', ...formats, 'users/members.ts'],
  db: ['users', 'receipts', 'jobs', 'mail', 'auth (types)', 'errors.ts', '../migrations'],
  mail: ['receipts (types)', 'receipts/counts.ts', 'settings.ts (types)'],
  import: ['users', 'receipts (types)', 'errors.ts'],
  auth: ['errors.ts'],
  users: [],
  'errors.ts': [],
  'settings.ts': [],
  'config.ts': ['settings.ts'],
  cli: ['users', 'auth', 'config.ts', 'errors.ts'],
}

/** Commands that administer get at the database. */
const administering = ['cli/credentials.ts']

/** Which folders, or files, may import a library. */
const homes: readonly (readonly [library: RegExp, homes: readonly string[]])[] = [
  [/^express$/, ['http']],
  [/^(?:knex|pg|@electric-sql\/pglite)(?:\/|$)/, ['db']],
  [/^(?:rate-limiter-flexible|pg-boss)$/, ['db']],
  [/^csv-/, ['csv']],
  [/^jose(?:\/|$)/, ['auth']],
  [/^nodemailer(?:\/|$)/, ['mail']],
  [/^yup$/, ['users', 'import/judge-cell.ts']],
]

function isAllowed({ file, target, typesOnly }: Import): boolean {
  const folder = folderOf(file)
  if (folderOf(target) === folder) return true
  if (administering.includes(file) && target === 'administer.ts') return true
  return (mayImport[folder] ?? []).some((allowed) => {
    const types = allowed.endsWith(' (types)')
    const place = types ? allowed.slice(0, -' (types)'.length) : allowed
    const isThere = target === place || target.startsWith(`${place}/`)
    return isThere && (!types || typesOnly)
  })
}

const shown = (some: readonly Import[]): string[] =>
  some.map(({ file, target, typesOnly }) => `${file} imports ${typesOnly ? 'types of ' : ''}${target}`)

describe('the imports of src', () => {
  it('are found', () => {
    expect(files.length).toBeGreaterThan(40)
    expect(shown(imports)).toContain('import/import-rows.ts imports import/save.ts')
  })

  it('are those of the table, and each folder stands in it', () => {
    expect([...new Set(files.map(folderOf))].filter((folder) => mayImport[folder] === undefined)).toEqual([])
    expect(shown(imports.filter((each) => !each.isModule && !isAllowed(each)))).toEqual([])
  })

  it('make no circle', () => {
    const next = new Map(
      files.map((file) => [
        file,
        imports.filter((each) => each.file === file && !each.isModule).map(({ target }) => target),
      ]),
    )
    const done = new Set<string>()
    const circles: string[] = []
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      if (path.includes(file) || done.has(file)) return
      for (const target of next.get(file) ?? []) walk(target, [...path, file])
      done.add(file)
    }
    files.forEach((file) => {
      walk(file, [])
    })
    expect(circles).toEqual([])
  })

  it('name files that exist', () => {
    const missing = imports.filter(
      ({ target, isModule }) =>
        !isModule && !target.startsWith('..') && !files.includes(target) && !target.endsWith('.json'),
    )
    expect(shown(missing)).toEqual([])
  })

  it('take each library only where it is at home', () => {
    const astray = imports.filter(({ file, target, isModule }) => {
      const home = homes.find(([library]) => isModule && library.test(target))?.[1]
      return home !== undefined && !home.some((place) => file === place || folderOf(file) === place)
    })
    expect(shown(astray)).toEqual([])
  })

  it('need nothing of node in users, which runs in the browser too', () => {
    const node = imports.filter(
      ({ file, target }) => folderOf(file) === 'users' && target.startsWith('node:'),
    )
    expect(shown(node)).toEqual([])
  })
})

describe('the files of src', () => {
  const nodesOf = (file: string): ts.Node[] => {
    const nodes: ts.Node[] = []
    const visit = (node: ts.Node): void => {
      nodes.push(node)
      ts.forEachChild(node, visit)
    }
    visit(sources.get(file)!)
    return nodes
  }

  it('read the environment only in config, main and the commands', () => {
    const readers = files.filter((file) =>
      nodesOf(file).some((node) => /^process\s*\??\.\s*env$/.test(node.getText())),
    )
    const allowed = (file: string): boolean =>
      ['config.ts', 'main.ts'].includes(file) || folderOf(file) === 'cli'
    expect(readers.filter((file) => !allowed(file))).toEqual([])
  })

  it('export nothing by default', () => {
    const isDefault = (node: ts.Node): boolean =>
      ts.isExportAssignment(node) ||
      (node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent)) ||
      (ts.isExportSpecifier(node) && node.name.text === 'default')
    expect(files.filter((file) => nodesOf(file).some(isDefault))).toEqual([])
  })
})
