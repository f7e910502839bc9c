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
  readonly email: string | undefined
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
  const { subject, email, roles } = caller
  return { organizationId, subject, email, role: importingRole(roles) }
}

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
  const { role, subject, email } = caller
  if (role === undefined) {
    throw new ServiceError(
      'role.forbidden',
      'Only an organization_owner or organization_member may import users.',
    )
  }
  return {
    ...caller,
    importer: { role, subject, emailKey: email === undefined ? undefined : emailKey(email) },
  }
}
