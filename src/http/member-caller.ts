import type { Request } from 'express'
import { basic } from '../auth/basic.ts'
import { refuseTokenInUrl } from '../auth/bearer.ts'
import { checkSecret, type SecretParts, type ShownSecret } from '../auth/check-secret.ts'
import type { Credential } from '../auth/credentials.ts'
import { credentialMissing } from '../auth/refusals.ts'
import { ServiceError } from '../errors.ts'
import { importingRole, lesserRole } from '../users/grants.ts'
import {
  importerOf,
  isHostOf,
  knownCaller,
  unknownOrganization,
  type CallerParts,
  type ImportingCaller,
  type KnownCaller,
} from './caller.ts'

/** What is needed to tell who calls for an organization whose id stands in the path. */
export interface MemberCallerParts extends CallerParts, SecretParts {}

/** An owner who calls by a program, or a program that calls for itself. */
export interface MemberCaller extends ImportingCaller {
  readonly credential: Pick<Credential, 'id' | 'contact'>
  /** Whether a user calls, by a token of his own; else `subject` is `credential:ID`. */
  readonly hasUser: boolean
}

/**
 * Tells who calls for the organization whose id is the path's parameter `organizationId`: by a token and beside it the
 * secret of an application in the header `ApplicationToken`, of which the lesser role counts; or by
 * `Authorization: Basic` alone.
 *
 * @throws ServiceError 400 for a secret in the URL or a repeated header, 401, 403 for all but owners, 404, 429 for
 *   too many wrong secrets, or 503
 */
export async function memberCaller(req: Request, parts: MemberCallerParts): Promise<MemberCaller> {
  refuseTokenInUrl(req.url)
  const authorization = onlyHeader(req, 'authorization')
  const [scheme = ''] = authorization.trim().toLowerCase().split(' ', 1)
  if (scheme === 'basic') return programAlone(req, authorization, parts)
  if (scheme === 'bearer') return programOfUser(req, parts)
  throw credentialMissing(
    `${scheme === '' ? 'Who calls must be said' : 'The Authorization header has an unknown scheme'}: ` +
      'send Authorization: Bearer TOKEN and ApplicationToken: SECRET, or Authorization: Basic with the id and the ' +
      'secret of a credential.',
  )
}

async function programOfUser(req: Request, parts: MemberCallerParts): Promise<MemberCaller> {
  const user = await knownCaller(req, parts)
  const secret = onlyHeader(req, 'applicationtoken').trim()
  if (secret === '')
    throw credentialMissing(
      'An ApplicationToken is required beside the token: send its secret in the header ApplicationToken.',
    )
  if (!isOfPath(req, user)) throw unknownOrganization()
  const credential = await credentialOf(req, { kind: 'application', secret }, parts)
  const role = lesserRole(user.role, importingRole([credential.role]))
  return owner({ ...user, role }, credential, true)
}

async function programAlone(
  req: Request,
  authorization: string,
  parts: MemberCallerParts,
): Promise<MemberCaller> {
  const credential = await credentialOf(req, { kind: 'basic', ...basic(authorization) }, parts)
  if (!isHostOf(credential.organization, req, parts.portalDomain)) throw unknownOrganization()
  const program: KnownCaller = {
    organizationId: credential.organizationId,
    subject: `credential:${credential.id}`,
    email: undefined,
    verifiedEmail: undefined,
    role: importingRole([credential.role]),
  }
  return owner(program, credential, false)
}

/** The credential that is shown, which must be of the organization of the path. */
async function credentialOf(req: Request, shown: ShownSecret, parts: MemberCallerParts): Promise<Credential> {
  const credential = await checkSecret(shown, req.ip, parts)
  if (!isOfPath(req, credential)) throw unknownOrganization()
  return credential
}

const isOfPath = (req: Request, { organizationId }: Pick<KnownCaller, 'organizationId'>): boolean =>
  String(organizationId) === req.params['organizationId']

function owner(caller: KnownCaller, { id, contact }: Credential, hasUser: boolean): MemberCaller {
  if (caller.role !== 'organization_owner')
    throw new ServiceError(
      'role.forbidden',
      'Only an organization_owner may import members: the credential, and the token beside it, must have this role.',
    )
  return { ...caller, importer: importerOf(caller.role, caller), credential: { id, contact }, hasUser }
}

/** Of two headers where one is allowed, a server on the way may go by the first and this one by the second. */
function onlyHeader(req: Request, name: 'authorization' | 'applicationtoken'): string {
  const [value = '', ...others] = req.headersDistinct[name] ?? []
  if (others.length === 0) return value
  const spelled = name === 'authorization' ? 'Authorization' : 'ApplicationToken'
  throw new ServiceError(
    'request.malformed',
    `Send the header ${spelled} once, not ${others.length + 1} times.`,
  )
}
