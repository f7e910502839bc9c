/** Where the e-mail addresses of users are found, for letters to them. */
export interface Addressees {
  /**
   * The address of the user with this id, whatever he may do.
   *
   * @returns `undefined` if the organization has no such user
   * @throws ServiceError `database.unreachable` If the database can't be reached
   */
  emailOf(organizationId: number, id: string): Promise<string | undefined>
  /**
   * The address of the active owner or member whom a text means: the first user whose id, else slug, else e-mail
   * address it is decides.
   *
   * @returns `undefined` if it means nobody, or somebody else
   * @throws ServiceError `database.unreachable` If the database can't be reached
   */
  emailOfNamed(organizationId: number, text: string): Promise<string | undefined>
}
