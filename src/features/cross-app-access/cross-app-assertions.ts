import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Application } from '../../auth-strategy/application-administration.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { OAuthRefusal } from '../../providers/ory/proxy/oauth-refusal.js';
import { type ProtectedResource, resourceOf } from '../../providers/ory/hydra/protected-resource.js';
import { type AssertedUser, CompanyLogins } from '../../providers/ory/sources/company-logins.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { UsedTokenRepository } from '../../session/store/used-token.repository.js';

/** `typ` of an identity assertion authorization grant (draft-ietf-oauth-identity-assertion-authz-grant section 3). */
export const assertionType = 'oauth-id-jag+jwt';
/** Seconds for which an assertion is valid, at most. */
export const assertionLife = 300;
/** Seconds by which the clock of its issuer may be ahead. */
const tolerance = 30;
/** Milliseconds for which a used assertion is known after it has expired. */
const kept = 120_000;

const claimsSchema = z.looseObject({
  jti: z.string().min(1).max(500),
  iat: z.number().nonnegative(),
  exp: z.number().nonnegative(),
  client_id: z.string(),
  resource: z.union([z.string(), z.tuple([z.string()]).transform(([only]) => only)]),
  scope: z.string().max(2000).optional(),
  auth_time: z.number().nonnegative().optional(),
});

/** What a company lets an application do for one of its users. */
export interface CrossAppAssertion extends Pick<AssertedUser, 'identity' | 'orgId'> {
  /** Uses it up. @throws {OAuthRefusal} if it was used before, on any replica. */
  readonly use: () => Promise<void>;
  /** When the user gave credentials, in seconds since the epoch; 0 if it isn't stated. */
  readonly authTime: number;
  /** The scopes of the resource that it lets the application have; undefined if it names none. */
  readonly scope: readonly string[] | undefined;
}

/** Verifies the assertions by which companies let an application act for their users at a resource. */
@Injectable()
export class CrossAppAssertions {
  readonly #issuer: string;

  constructor(
    private readonly companies: CompanyLogins,
    private readonly used: UsedTokenRepository,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#issuer = PUBLIC_URL;
  }

  /**
   * @param client which has authenticated. @param resource which it asks for.
   * @throws {OAuthRefusal} `invalid_grant` @throws {Problem} `provider_unavailable`
   */
  async verify(
    assertion: string,
    client: Pick<Application, 'id'>,
    { resource }: ProtectedResource,
  ): Promise<CrossAppAssertion> {
    const asserted = await this.companies.source?.asserted(assertion, assertionType, this.#issuer);
    if (asserted === undefined) {
      throw refused('assertion_not_trusted');
    }
    const { data: claims } = claimsSchema.safeParse(asserted.claims);
    if (claims === undefined) {
      throw refused('assertion_claims');
    }
    if (claims.client_id !== client.id) {
      throw refused('assertion_of_other_client');
    }
    if (resourceOf(claims.resource) !== resource) {
      throw refused('assertion_of_other_resource');
    }
    const { iat, exp } = claims;
    if (exp - iat > assertionLife || iat > this.clock.seconds() + tolerance) {
      throw refused('assertion_too_long');
    }
    return {
      identity: asserted.identity,
      orgId: asserted.orgId,
      use: async () => {
        if (!(await this.used.use(`assertion ${asserted.issuer}`, claims.jti, exp * 1000 + kept))) {
          throw refused('assertion_used');
        }
      },
      authTime: Math.floor(claims.auth_time ?? 0),
      scope: claims.scope === undefined ? undefined : scopeTokens(claims.scope),
    };
  }
}

/** One answer for all reasons: it would tell the application what there is of other companies. */
function refused(reason: string): OAuthRefusal {
  return new OAuthRefusal(
    'invalid_grant',
    'the assertion is not one of a trusted company for this client, resource and issuer, or was used before',
    reason,
  );
}
