/** Where the organizations are known. */
export interface OrganizationDirectory {
  /**
   * The id of an organization.
   *
   * @returns `undefined` if there is none of this slug
   * @throws ServiceError `database.unreachable` If the database can't be reached
   */
  idOf(slug: string): Promise<number | undefined>
}
