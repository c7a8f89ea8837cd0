import type { Principal } from '../principal.js';
import type { RevocationList } from './revocation-list.js';

/** Whether a caller's credential is still live: for requests that are answered long after the guard has looked. @param now in seconds. */
export function isLive(
  { claims, credential, keyEndsAt }: Principal,
  list: Pick<RevocationList, 'verdict'>,
  now: number,
): boolean {
  const endsAt = credential === 'api_key' ? (keyEndsAt ?? Number.POSITIVE_INFINITY) : claims.exp;
  return list.verdict(claims) === 'live' && now < endsAt;
}
