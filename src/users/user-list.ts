/** A user's values as canonical text, in the order of `columns`; blank is `''`. */
export type ListedUser = readonly string[]

/** All users of an organization, a page at a time. */
export interface UserPages {
  /**
   * The users whose ids come next, by the bytes of the id.
   *
   * @param after - the last id of the page before; `undefined` for the first page
   * @param limit - how many users at most; where there are fewer, no page follows
   * @throws ServiceError `database.unreachable` If the database can't be reached
   */
  page(organizationId: number, after: string | undefined, limit: number): Promise<readonly ListedUser[]>
}

/**
 * All users of an organization in the order of their ids, none of the pages empty. One page is read ahead. Nothing
 * is held between two pages, so each shows its users as they are when it is read: whoever is created or deleted
 * meanwhile may be there or not, and nobody is there twice.
 *
 * @param limit - users in a page
 * @throws ServiceError `database.unreachable` If the database can't be reached
 */
export async function* allUsers(
  pages: UserPages,
  organizationId: number,
  limit: number,
): AsyncGenerator<readonly ListedUser[]> {
  const read = (after: string | undefined): Promise<readonly ListedUser[]> => {
    const page = pages.page(organizationId, after, limit)
    // It may fail while the page before is still on its way, or when nobody asks for it any more.
    page.catch(() => undefined)
    return page
  }
  let next: ReturnType<typeof read> | undefined = read(undefined)
  while (next !== undefined) {
    const page: readonly ListedUser[] = await next
    // The id is the first column.
    next = page.length < limit ? undefined : read(page.at(-1)?.[0])
    if (page.length > 0) yield page
  }
}
