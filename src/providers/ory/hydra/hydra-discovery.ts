import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { assertionAlgorithms } from '../../../auth-strategy/public-keys.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { LanguageCatalogue } from '../../../platform/i18n/language.catalogue.js';
import type { CircuitBreaker } from '../../../platform/upstream/circuit-breaker.js';
import { CircuitRegistry } from '../../../platform/upstream/circuit-registry.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { unavailable, vendorTimeout } from '../../../platform/upstream/vendor-call.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { claimsByScope, userClaims } from './hydra-claims.js';

const names = z.array(z.string()).catch([]);
const documentSchema = z.looseObject({
  issuer: z.string(),
  scopes_supported: names,
  claims_supported: names,
});

/** Hydra's other name for `offline_access`, which no application can be registered for. */
const alias = 'offline';
const scopes = ['openid', 'offline_access', ...claimsByScope.keys()];
/** Claims of ID tokens: of the login itself, and those that scopes stand for. */
const claims = [...'sub iss aud exp iat auth_time nonce acr amr sid at_hash'.split(' '), ...userClaims];
/**
 * What Hydra names although nobody can use it here: endpoints that the proxy doesn't expose, the credentials that one of them would
 * issue, the details of request objects, and members that no specification has.
 */
const outOfReach =
  /^(?:registration_endpoint|device_authorization_endpoint|credentials_.+_draft_\d+|request_object_.+|require_request_uri_registration|(?:id_token|userinfo)_signed_response_alg)$/;
/** What an application can be registered for here. Hydra itself would do more, such as a front channel with tokens. */
const registrable = {
  response_types_supported: ['code'],
  grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
  token_endpoint_auth_methods_supported: [
    'client_secret_basic',
    'client_secret_post',
    'private_key_jwt',
    'none',
  ],
  token_endpoint_auth_signing_alg_values_supported: [...assertionAlgorithms],
};

/** Milliseconds for which a document is remembered, as long as clients may keep it. */
const rememberedFor = 60_000;

type Metadata = Readonly<Record<string, unknown>>;

/** Headers of the metadata: what every client, on any origin, may keep for as long as it is remembered here. */
export const metadataHeaders = {
  'cache-control': `public, max-age=${rememberedFor / 1000}`,
  'access-control-allow-origin': '*',
} as const;

/** Hydra's metadata (OpenID Connect Discovery section 4), as applications that log in through it need it. */
@Injectable()
export class HydraDiscovery {
  readonly #url: string;
  readonly #breaker: CircuitBreaker;
  #known: { readonly document: Metadata; readonly until: number } | undefined;
  #reading: Promise<Metadata> | undefined;
  readonly #grants: string[] = [];
  readonly #members: Metadata[] = [];

  constructor(
    @Inject(CONFIGURATION) { HYDRA_PUBLIC_URL }: OryConfiguration,
    circuits: CircuitRegistry,
    private readonly calls: UpstreamCalls,
    private readonly languages: LanguageCatalogue,
    private readonly clock: Clock,
  ) {
    this.#url = `${HYDRA_PUBLIC_URL}/.well-known/openid-configuration`;
    this.#breaker = circuits.of('hydra');
  }

  /** Has the metadata state what a feature serves. @param grant its grant type, if it serves one. */
  add(members: Metadata, grant?: string): void {
    this.#members.push(members);
    this.#grants.push(...(grant === undefined ? [] : [grant]));
  }

  /** The metadata, corrected for this deployment: read at most once a minute. @throws {Problem} `provider_unavailable` */
  async document(): Promise<Metadata> {
    if (this.#known !== undefined && this.clock.now() < this.#known.until) {
      return this.#known.document;
    }
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<Metadata> {
    try {
      const answer = await this.#breaker.run(() =>
        this.calls.fetch('hydra')(this.#url, {
          signal: AbortSignal.timeout(vendorTimeout),
          redirect: 'error',
        }),
      );
      const document = this.#corrected(await answer.json());
      this.#known = { document, until: this.clock.now() + rememberedFor };
      return document;
    } catch (error) {
      throw error instanceof Problem ? error : unavailable('hydra_undiscovered', error);
    }
  }

  /**
   * Hydra's metadata with what it doesn't know about this deployment (its pages, languages and claims), and without what doesn't
   * work behind the gateway.
   * @throws {z.ZodError} if it isn't such a document.
   */
  #corrected(document: unknown): Metadata {
    const own = documentSchema.parse(document);
    return {
      ...Object.fromEntries(Object.entries(own).filter(([name]) => !outOfReach.test(name))),
      ...registrable,
      grant_types_supported: [...registrable.grant_types_supported, ...this.#grants],
      ...Object.assign({}, ...this.#members),
      scopes_supported: [...new Set([...scopes, ...own.scopes_supported])].filter((scope) => scope !== alias),
      claims_supported: [...new Set([...claims, ...own.claims_supported])],
      claims_parameter_supported: false,
      // A login reads its demands from the query alone.
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      authorization_response_iss_parameter_supported: true,
      acr_values_supported: ['aal1', 'aal2'],
      prompt_values_supported: ['none', 'login', 'consent'],
      ui_locales_supported: this.languages.tags,
      // Hydra refuses `plain`, and still names it.
      code_challenge_methods_supported: ['S256'],
      // Hydra's page for it consists of frames of other applications, which the security policy blocks.
      frontchannel_logout_supported: false,
      frontchannel_logout_session_supported: false,
    };
  }
}
