import { z } from 'zod';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import type { LanguageCatalogue } from '../../../platform/i18n/language.catalogue.js';
import type { CircuitBreaker } from '../../../platform/upstream/circuit.breaker.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { unavailable, vendorTimeout } from '../../../platform/upstream/vendor.call.js';
import type { UpstreamCalls } from '../../../platform/upstream/upstream.calls.js';

const names = z.array(z.string()).catch([]);
const documentSchema = z.looseObject({
  issuer: z.string(),
  scopes_supported: names,
  claims_supported: names,
});

/** Scopes that stand for claims here. */
const scopes = ['openid', 'offline_access', 'profile', 'email'];
/** Claims of ID tokens: of the login itself, and those that the scopes `profile` and `email` stand for. */
const claims =
  'sub iss aud exp iat auth_time nonce acr amr sid at_hash name picture email email_verified'.split(' ');
/**
 * What Hydra names although nobody can use it here: endpoints that the proxy doesn't expose, and the credentials that one of them
 * would issue.
 */
const outOfReach = /^(?:registration_endpoint|device_authorization_endpoint|credentials_.+_draft_\d+)$/;

/** Hydra's metadata (OpenID Connect Discovery section 4), as applications that log in through it need it. */
export class HydraDiscovery {
  readonly #url: string;
  readonly #breaker: CircuitBreaker;
  readonly #calls: UpstreamCalls;
  readonly #languages: LanguageCatalogue;

  constructor(
    { HYDRA_PUBLIC_URL }: OryConfiguration,
    breaker: CircuitBreaker,
    calls: UpstreamCalls,
    languages: LanguageCatalogue,
  ) {
    this.#url = `${HYDRA_PUBLIC_URL}/.well-known/openid-configuration`;
    this.#breaker = breaker;
    this.#calls = calls;
    this.#languages = languages;
  }

  /** Fetches the metadata, corrected as by {@link corrected}. @throws {Problem} `provider_unavailable` */
  async document(): Promise<Readonly<Record<string, unknown>>> {
    try {
      const answer = await this.#breaker.run(() =>
        this.#calls.fetch('hydra')(this.#url, {
          signal: AbortSignal.timeout(vendorTimeout),
          redirect: 'error',
        }),
      );
      return this.corrected(await answer.json());
    } catch (error) {
      throw error instanceof Problem ? error : unavailable('hydra_undiscovered', error);
    }
  }

  /**
   * Hydra's metadata with what it doesn't know about this deployment (its pages, languages and claims), and without what doesn't
   * work behind the gateway.
   * @throws {z.ZodError} if it isn't such a document.
   */
  corrected(document: unknown): Readonly<Record<string, unknown>> {
    const own = documentSchema.parse(document);
    return {
      ...Object.fromEntries(Object.entries(own).filter(([name]) => !outOfReach.test(name))),
      scopes_supported: [...new Set([...scopes, ...own.scopes_supported])],
      claims_supported: [...new Set([...claims, ...own.claims_supported])],
      claims_parameter_supported: false,
      // A login reads its demands from the query alone.
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      acr_values_supported: ['aal1', 'aal2'],
      prompt_values_supported: ['none', 'login', 'consent'],
      ui_locales_supported: this.#languages.tags,
      // Hydra refuses `plain`, and still names it.
      code_challenge_methods_supported: ['S256'],
      // Hydra's page for it consists of frames of other applications, which the security policy blocks.
      frontchannel_logout_supported: false,
      frontchannel_logout_session_supported: false,
    };
  }
}
