import * as openid from 'openid-client';
import { z } from 'zod';
import { Problem } from '../../platform/errors/problem.error.js';
import { withAsciiDomain } from '../../platform/core/ascii-domain.js';
import { unavailable } from '../../platform/upstream/vendor-call.js';
import { answerStatusOf, formProblemOf } from './provider-refusal.js';
import { isSameMailbox } from '../../platform/core/account-identifier.js';
import type { ProviderIdentity } from '../../directory/users/identity.js';

/** A person as the provider describes them, with the rest of the answer. */
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

/** Parses a provider's answer about a person. @throws {Problem} `provider_unavailable` when it can't be parsed. */
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
      email: email === undefined || email === null ? null : withAsciiDomain(email),
      emailVerified: email_verified === true && isSameMailbox(email ?? ''),
      name: name ?? null,
      picture: picture !== undefined && picture !== null && /^https?:\/\//.test(picture) ? picture : null,
    },
    profile: parsed.data,
  };
}

/** The problem of a failed request to `/userinfo`. */
export function userInfoProblem(error: unknown): Problem {
  if (error instanceof openid.WWWAuthenticateChallengeError) {
    return userInfoRefused(error);
  }
  const ofForm = formProblemOf(error, 'userinfo');
  if (ofForm !== undefined) {
    return ofForm;
  }
  const status = answerStatusOf(error);
  if (error instanceof openid.ClientError && error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
    return new Problem('login_refused', { reason: 'userinfo_subject_mismatch' });
  }
  return status !== undefined && status >= 400 && status < 500
    ? userInfoRefused(error)
    : unavailable('userinfo_unreachable', error);
}

function userInfoRefused(cause: unknown): Problem {
  return new Problem('access_token_rejected', { reason: 'userinfo_refused', cause });
}
