import { isReservedName } from '../auth-strategy/reserved-names.js';

/** An inviter, as their account is stored. */
export interface Inviter {
  readonly name: string | null;
  /** Whether they administer the deployment. */
  readonly isAdministrator: boolean;
}

/**
 * The name of an inviter as strangers may read it; null if it is reserved: the login provider, or an organisation's own, may have given it
 * to a user who couldn't take it here. An administrator's stays.
 * @param brand the product's name.
 */
export function inviterNameOf({ name, isAdministrator }: Inviter, brand: string): string | null {
  return name !== null && !isAdministrator && isReservedName(name, brand) ? null : name;
}
