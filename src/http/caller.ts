import type { Request } from 'express'
import { bearer, refuseTokenInUrl } from '../auth/bearer.ts'
import type { TokenVerifier } from '../auth/caller.ts'
import { organizationOf } from '../auth/organization.ts'
import type { OrganizationDirectory } from '../auth/organization-directory.ts'
import { ServiceError } from '../errors.ts'
import { emailKey } from '../users/email.ts'
import { importingRole, type Importer } from '../users/grants.ts'

/** What is needed to tell who calls, and for which organization. */
export interface CallerParts {
  readonly verifier: TokenVerifier
  readonly organizations: OrganizationDirectory
  readonly portalDomain: string
}

/** Somebody whose token is good for the organization of the host. */
export interface KnownCaller {
  readonly organizationId: number
  /** The token's `sub`. */
  readonly subject: string
  /** The token's: by it the caller's own user is known. */
  readonly email: string | undefined
  /** The same, but `undefined` where the issuer says that it is not verified: only here may mail go. */
  readonly verifiedEmail: string | undefined
  /** The strongest role of his that may import; `undefined` where none may. */
  readonly role: Importer['role'] | undefined
}

/** Somebody who may import, and where. */
export interface ImportingCaller extends KnownCaller {
  readonly importer: Importer
}

/**
 * Tells who calls.
 *
 * @param formToken - the token that came in a form; it counts where there is no Authorization header
 * @throws ServiceError 400 for a token in the URL, 401, 404 or 503
 */
export async function knownCaller(
  req: Request,
  parts: CallerParts,
  formToken?: string,
): Promise<KnownCaller> {
  refuseTokenInUrl(req.url)
  const { authorization = formToken && `Bearer ${formToken}` } = req.headers
  const caller = await parts.verifier.verify(bearer(authorization))
  const { organization, subject, email, roles } = caller
  const isMeant = isHostOf(organization, req, parts.portalDomain)
  const organizationId = isMeant ? await parts.organizations.idOf(organization) : undefined
  if (organizationId === undefined) throw unknownOrganization()
  const verifiedEmail = caller.emailVerified ? email : undefined
  return { organizationId, subject, email, verifiedEmail, role: importingRole(roles) }
}

/** Whether the request's host is the organization's, or leaves open whose it is. */
export function isHostOf(organization: string, req: Request, portalDomain: string): boolean {
  // HTTP/1.0 may come without a host; then the token alone says which organization is meant.
  const host = req.headers.host === undefined ? 'localhost' : req.host
  return organizationOf(host, portalDomain, organization) === organization
}

/** There is no such organization, or the caller is not of it: nobody is told which. */
export const unknownOrganization = (): ServiceError =>
  new ServiceError('organization.unknown', 'There is no such organization, or your token is not for it.')

/**
 * Tells who calls and whether he may import into the organization of the host.
 *
 * @param formToken - see {@link knownCaller}
 * @throws ServiceError 400 for a token in the URL, 401, 403, 404 or 503
 */
export async function importingCaller(
  req: Request,
  parts: CallerParts,
  formToken?: string,
): Promise<ImportingCaller> {
  const caller = await knownCaller(req, parts, formToken)
  const { role } = caller
  if (role === undefined) {
    throw new ServiceError(
      'role.forbidden',
      'Only an organization_owner or organization_member may import users.',
    )
  }
  return {
    ...caller,
    importer: importerOf(role, caller),
  }
}

/** The caller, as the engine needs to know him. */
export function importerOf(role: Importer['role'], { subject, email }: KnownCaller): Importer {
  return { role, subject, emailKey: email === undefined ? undefined : emailKey(email) }
}

/**
 * The organization whose users the caller may export: he must be an owner.
 *
 * @throws ServiceError as {@link knownCaller} does, and 403
 */
export async function exportedOrganization(req: Request, parts: CallerParts): Promise<number> {
  const { organizationId, role } = await knownCaller(req, parts)
  if (role !== 'organization_owner')
    throw new ServiceError('role.forbidden', 'Only an organization_owner may export users.')
  return organizationId
}
