import { Problem } from '../../platform/errors/problem.error.js';

/** What a login must have had. */
export interface RequiredLogin {
  /** Seconds since credentials were given, at most; undefined if there is no limit. */
  readonly maxAge: number | undefined;
  readonly needsAal2: boolean;
}

/** The refusal of a login: it names everything that the route requires, so that one login is enough (RFC 9470 section 3). */
export function loginChallenge({ maxAge, needsAal2 }: RequiredLogin, reason: string): Problem {
  const parameters = [
    ...(maxAge === undefined ? [] : [['max_age', String(maxAge)]]),
    ...(needsAal2 ? [['acr_values', 'aal2']] : []),
  ];
  const wanted = parameters.map(([name, value]) => `, ${name}="${value}"`).join('');
  return new Problem('reauthentication_required', {
    reason,
    headers: { 'www-authenticate': `Bearer error="insufficient_user_authentication"${wanted}` },
    loginUrl: `/auth/login?${new URLSearchParams(parameters)}`,
  });
}
