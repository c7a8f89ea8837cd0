/** A cookie whose name begins like one of the gateway, Kratos or Hydra. Some servers end a cookie at a comma too. */
const ours = /(?:^|,)\s*(?:__(?:Host|Secure)-)*(?:vestibule|ory_kratos|ory_hydra|csrf_token_)/i;

/** The cookies of a request that are an application's own, as it sent them. @param header the value of `Cookie`. */
export function applicationCookies(header: string): string {
  return header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '' && !ours.test(pair))
    .join('; ');
}
