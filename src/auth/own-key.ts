import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import type { JWK } from 'jose'

/** The algorithm of the service's own key. */
export const ownAlgorithm = 'RS256'

/**
 * The private key of the service's own, made at the first call. Processes that start at once get the same one.
 *
 * @throws Error If the file cannot be read or written, or holds something else.
 */
export async function ownKey(dataDir: string): Promise<JWK> {
  const file = join(dataDir, 'issuer-key.json')
  try {
    return await readKey(file)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeKey(file, await newKey())
  return readKey(file)
}

async function readKey(file: string): Promise<JWK> {
  const text = await readFile(file, 'utf8')
  try {
    const key = JSON.parse(text) as JWK | null
    if (key?.kty === 'RSA' && key.d !== undefined && key.kid !== undefined) return key
  } catch {
    // its text stays out of the error, for it may be most of a private key
  }
  throw new Error(
    `${file} holds no private key: delete it, and a new key is made (tokens of the old one end)`,
  )
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair(ownAlgorithm, { modulusLength: 2048, extractable: true })
  const key = await exportJWK(privateKey)
  return { ...key, alg: ownAlgorithm, use: 'sig', kid: await calculateJwkThumbprint(key) }
}

/** A link appears whole or not at all, and never in place of another process's: a rename would be the latter. */
async function writeKey(file: string, key: JWK): Promise<void> {
  const draft = `${file}.${randomUUID()}`
  try {
    await writeFile(draft, JSON.stringify(key), { mode: 0o600, flag: 'wx', flush: true })
    await link(draft, file)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
}

function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code
}
