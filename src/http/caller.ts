import type { Request } from 'express'
import { bearer, refuseTokenInUrl } from '../auth/bearer.ts'
import type { Caller, TokenVerifier } from '../auth/caller.ts'
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

/** Somebody who may import, and where. */
export interface ImportingCaller {
  readonly organizationId: number
  readonly importer: Importer
}

/** Somebody whose token is good for the organization of the host. */
export interface KnownCaller {
  readonly organizationId: number
  readonly caller: Caller
}

/**
 * Tells who calls, whatever his roles.
 *
 * @throws ServiceError 400 for a token in the URL, 401, 404 or 503
 */
export async function knownCaller(req: Request, parts: CallerParts): Promise<KnownCaller> {
  refuseTokenInUrl(req.url)
  const caller = await parts.verifier.verify(bearer(req.headers.authorization))
  // HTTP/1.0 may come without a host; then the token alone says which organization is meant.
  const slug = organizationOf(
    req.headers.host === undefined ? 'localhost' : req.host,
    parts.portalDomain,
    caller.organization,
  )
  const organizationId = slug === caller.organization ? await parts.organizations.idOf(slug) : undefined
  if (organizationId === undefined) {
    throw new ServiceError(
      'organization.unknown',
      'There is no such organization, or your token is not for it.',
    )
  }
  return { organizationId, caller }
}

/**
 * Tells who calls and whether he may import into the organization of the host.
 *
 * @throws ServiceError as {@link knownCaller} does, and 403
 */
export async function importingCaller(req: Request, parts: CallerParts): Promise<ImportingCaller> {
  const { organizationId, caller } = await knownCaller(req, parts)
  const role = importingRole(caller.roles)
  if (role === undefined) {
    throw new ServiceError(
      'role.forbidden',
      'Only an organization_owner or organization_member may import users.',
    )
  }
  const key = caller.email === undefined ? undefined : emailKey(caller.email)
  return { organizationId, importer: { role, subject: caller.subject, emailKey: key } }
}

/**
 * The organization whose users the caller may export: he must be an owner.
 *
 * @throws ServiceError as {@link knownCaller} does, and 403
 */
export async function exportedOrganization(req: Request, parts: CallerParts): Promise<number> {
  const { organizationId, caller } = await knownCaller(req, parts)
  if (importingRole(caller.roles) !== 'organization_owner')
    throw new ServiceError('role.forbidden', 'Only an organization_owner may export users.')
  return organizationId
}
