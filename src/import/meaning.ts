import { wordingOfRows, type Wording } from '../users/faults.ts'
import { wordingOfMembers } from '../users/members.ts'

/** What an import's rows mean beside their values: the same engine imports the rows of a file and members. */
export interface Meaning {
  /**
   * What a row does to a user who exists. `replace`: what it gives takes the place of what is stored. `add`: its roles
   * are added to his, its names fill his blank ones, and nothing else changes.
   */
  readonly merging: 'replace' | 'add'
  /** How faults call the rows. */
  readonly wording: Wording
}

/** What the rows of a file mean. */
export const meaningOfRows: Meaning = { merging: 'replace', wording: wordingOfRows }

/** What members mean. */
export const meaningOfMembers: Meaning = { merging: 'add', wording: wordingOfMembers }
