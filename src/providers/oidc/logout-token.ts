import type { VerifiedLogoutToken } from '../../auth-strategy/auth.strategy.js';
import { compactVerify } from 'jose';
import { z } from 'zod';
import { parseJson } from '../../platform/config/json.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { keyProblem, type ProviderKeys, signatureAlgorithms } from '../../platform/upstream/provider-keys.js';

/** Member of `events` that makes a JWT a logout token (Back-Channel Logout 1.0 section 2.4). */
export const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';

/** An identifier, as short as a subject in OpenID Connect Core section 2, and without characters that a database rejects. */
const identifier = z.string().regex(/^\P{Cc}{1,255}$/u);

const claimsSchema = z.looseObject({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  iat: z.number(),
  exp: z.number().optional(),
  jti: identifier,
  events: z.looseObject({ [logoutEvent]: z.looseObject({}) }),
  sub: identifier.optional(),
  sid: identifier.optional(),
  // Section 2.4: an ID token, which may have one, must never pass for a logout token.
  nonce: z.never().optional(),
});

/** The accepted issuer of logout tokens, and their audiences. */
export interface LogoutTokenSettings {
  readonly keys: ProviderKeys;
  readonly issuer: string;
  /** Our client ids: the token's audience must include one of them. */
  readonly audiences: readonly string[];
}

/** Verifies logout tokens of one provider: signature and claims (Back-Channel Logout 1.0 section 2.6, steps 2 to 7). */
export class LogoutTokenVerifier {
  constructor(private readonly settings: LogoutTokenSettings) {}

  /** Verifies a logout token for us. @throws {Problem} `malformed_request` for anything else, `provider_unavailable` without keys. */
  async verify(token: string): Promise<VerifiedLogoutToken> {
    const { audiences, ...verified } = await this.verifyForAny(token);
    if (!audiences.some((audience) => this.settings.audiences.includes(audience))) {
      throw refused('logout_token_audience');
    }
    return verified;
  }

  /** Verifies a logout token except its audience, which it returns. @throws {Problem} as {@link verify}. */
  async verifyForAny(
    token: string,
  ): Promise<VerifiedLogoutToken & { readonly audiences: readonly string[] }> {
    const { iss, aud, iat, exp, jti, sub, sid } = await this.#claims(token);
    if (iss !== this.settings.issuer) {
      throw refused('logout_token_issuer');
    }
    if (sub === undefined && sid === undefined) {
      throw refused('logout_token_of_nobody');
    }
    return {
      audiences: [aud].flat(),
      tokenIssuer: iss,
      jti,
      issuedAt: iat * 1000,
      expiresAt: exp === undefined ? null : exp * 1000,
      sid: sid ?? null,
      subject: sub ?? null,
    };
  }

  async #claims(token: string): Promise<z.output<typeof claimsSchema>> {
    const { payload, protectedHeader } = await compactVerify(token, this.settings.keys.find, {
      algorithms: signatureAlgorithms,
    }).catch((error: unknown) => {
      throw keyProblem(error, refused('logout_token_signature'));
    });
    const { typ } = protectedHeader;
    if (
      typ !== undefined &&
      !(typeof typ === 'string' && /^(?:application\/)?(?:logout\+)?jwt$/i.test(typ))
    ) {
      throw refused('logout_token_type');
    }
    const parsed = claimsSchema.safeParse(parseJson(new TextDecoder().decode(payload)));
    if (!parsed.success) {
      throw refused('logout_token_claims');
    }
    return parsed.data;
  }
}

function refused(reason: string): Problem {
  return new Problem('malformed_request', { reason });
}
