import { z } from 'zod';

/** One mapped claim: the path of its value in the profile, and the scope that it requires. */
export interface ClaimRule {
  readonly claim: string;
  /** Keys from the top of the profile to the value. */
  readonly path: readonly string[];
  /** Scope that the login must have been granted; undefined if none is required. */
  readonly scope: string | undefined;
}

/** Claims that Vestibule itself writes, or that RFC 7519, RFC 9068 or OpenID Connect define. */
const reserved = new Set(
  [
    'iss aud sub sub_profile sid jti iat nbf exp auth_time acr amr azp nonce idp idp_sub client_id scope act may_act cnf',
    'email email_verified name picture org roles second_factor at_hash c_hash events typ __proto__ constructor prototype',
  ].flatMap((names) => names.split(' ')),
);

/** Whether an application can use a name for its own claim. A reserved one isn't free in capitals either: some libraries read them alike. */
export function isFreeClaimName(name: string): boolean {
  return /^[A-Za-z][\w.:/-]{0,63}$/.test(name) && !reserved.has(name.toLowerCase());
}

const rulePattern = /^([^=]+)=([\w-]+(?:\.[\w-]+)*)(?:@([\w:./-]+))?$/;

/** `claim=path.in.profile@scope`, comma-separated → rules. */
export const claimsMap = z.array(z.string()).transform((entries, context) => {
  const rules: ClaimRule[] = [];
  for (const [index, entry] of entries.entries()) {
    const [, claim, path, scope] = rulePattern.exec(entry) ?? [];
    if (claim === undefined || path === undefined) {
      context.addIssue('each entry must be claim=path or claim=path@scope');
    } else if (!isFreeClaimName(claim)) {
      context.addIssue(`entry ${index + 1} cannot be mapped: the name is reserved or has odd characters`);
    } else if (rules.some((rule) => rule.claim === claim)) {
      context.addIssue(`entry ${index + 1} maps a claim that an entry before it maps`);
    } else {
      rules.push({ claim, path: path.split('.'), scope });
    }
  }
  return rules;
});
