import * as openid from 'openid-client';
import { z } from 'zod';
import { Problem } from '../core/problem.error.js';
import { unavailable } from '../core/vendor.call.js';
import type { ProviderIdentity } from '../users/identity.js';

/** A person as the provider tells of them, with everything else that was said. */
export interface UserInfo {
  readonly identity: ProviderIdentity;
  readonly profile: Readonly<Record<string, unknown>>;
}

const userInfoSchema = z.looseObject({
  sub: z.string().min(1),
  email: z.string().nullish(),
  email_verified: z
    .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
    .nullish(),
  name: z.string().nullish(),
  picture: z.string().nullish(),
});

/**
 * Reads what a provider says of a person.
 * @throws {Problem} `provider_unavailable` when it can't be read.
 */
export function toUserInfo(issuer: string, answer: unknown): UserInfo {
  const parsed = userInfoSchema.safeParse(answer);
  if (!parsed.success) {
    throw unavailable('userinfo_unreadable');
  }
  const { sub, email, email_verified, name, picture } = parsed.data;
  return {
    identity: {
      issuer,
      subject: sub,
      email: email ?? null,
      emailVerified: email_verified === true,
      name: name ?? null,
      picture: picture !== undefined && picture !== null && /^https?:\/\//.test(picture) ? picture : null,
    },
    profile: parsed.data,
  };
}

/** What a question to `/userinfo` failed by. */
export function userInfoProblem(error: unknown): Problem {
  if (error instanceof openid.WWWAuthenticateChallengeError) {
    return userInfoRefused();
  }
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const status = cause instanceof Response ? cause.status : undefined;
  if (error instanceof openid.ClientError && error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
    return new Problem('login_refused', { reason: 'userinfo_subject_mismatch' });
  }
  return status !== undefined && status >= 400 && status < 500
    ? userInfoRefused()
    : unavailable('userinfo_unreachable', error);
}

function userInfoRefused(): Problem {
  return new Problem('access_token_rejected', { reason: 'userinfo_refused' });
}
