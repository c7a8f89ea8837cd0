import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { OryConfiguration } from '../platform/config/configuration.js';
import { gatewayClientId } from '../providers/ory/hydra/hydra-clients.js';
import type { Check, Observation } from './check.port.js';
import type { FindingCode } from './finding.catalogue.js';
import { type ProbeAnswer, ask, redirectTarget } from './http.probe.js';

/** Subject of the test login. No identity in Kratos has such an id, so this login can't become a session. */
const subject = 'vestibule-doctor';
const redirectSchema = z.looseObject({ redirect_to: z.string() });
const challengeSchema = z.looseObject({ session_id: z.string().nullish() });

/**
 * Checks that Hydra sends browsers to our pages. Hydra shows its URLs only during a flow, so this check imitates a browser.
 * It logs in a made-up subject, rejects the consent and begins a logout. No token is issued, and the login is deleted afterwards.
 */
export const hydraUrlsCheck: Check<OryConfiguration> = {
  name: 'Hydra addresses',
  isCheap: false,
  run: async (configuration) => {
    const browser = new PretendedBrowser(configuration);
    const found: Observation[] = [];
    const login = await browser.open(authorizationPath(configuration));
    const challenge = parameterOf(login, 'login_challenge');
    if (challenge === undefined) {
      // Hydra begins no login for a client that is missing or has other redirect URIs. Another check reports that.
      return found;
    }
    note(found, login, 'hydra_login_url', `${configuration.PUBLIC_URL}/auth/ory/login`);
    const { session_id: sid } =
      challengeSchema.safeParse((await browser.admin('GET', 'login', challenge)).json).data ?? {};
    try {
      const consent = await browser.follow(
        await browser.admin('PUT', 'login', challenge, 'accept', {
          subject,
          remember: true,
          remember_for: 60,
        }),
      );
      note(found, consent, 'hydra_consent_url', `${configuration.PUBLIC_URL}/auth/ory/consent`);
      const consentChallenge = parameterOf(consent, 'consent_challenge');
      if (consentChallenge !== undefined) {
        await browser.admin('PUT', 'consent', consentChallenge, 'reject', { error: 'access_denied' });
      }
      const logout = await browser.open('/oauth2/sessions/logout');
      const logoutChallenge = parameterOf(logout, 'logout_challenge');
      if (logoutChallenge !== undefined) {
        note(found, logout, 'hydra_logout_url', `${configuration.PUBLIC_URL}/auth/ory/logout`);
        await browser.admin('PUT', 'logout', logoutChallenge, 'reject');
      }
    } finally {
      await browser.forget(sid);
    }
    const after = await ask(`${configuration.HYDRA_PUBLIC_URL}/oauth2/sessions/logout`);
    note(found, after, 'hydra_post_logout_url', `${configuration.PUBLIC_URL}/`);
    return found;
  },
};

/** A minimal browser: it keeps cookies, loads no pages, and follows redirects explicitly at Hydra's internal address. */
class PretendedBrowser {
  readonly #cookies = new Map<string, string>();

  readonly #configuration: OryConfiguration;

  constructor(configuration: OryConfiguration) {
    this.#configuration = configuration;
  }

  /** Sends a GET request with the cookies. @param path at Hydra's public API, including the query. */
  async open(path: string): Promise<ProbeAnswer> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = cookie === '' ? {} : { cookie };
    const answer = await ask(`${this.#configuration.HYDRA_PUBLIC_URL}${path}`, { headers });
    this.#keep(answer.headers);
    return answer;
  }

  /** Follows a decision's redirect to Hydra's authorization endpoint, at the internal address instead of the public one. */
  async follow(decision: ProbeAnswer): Promise<ProbeAnswer> {
    const { data } = redirectSchema.safeParse(decision.json);
    return data !== undefined && URL.canParse(data.redirect_to)
      ? this.open(`/oauth2/auth${new URL(data.redirect_to).search}`)
      : decision;
  }

  async admin(
    method: 'GET' | 'PUT',
    kind: 'login' | 'consent' | 'logout',
    challenge: string,
    decision?: 'accept' | 'reject',
    body: object = {},
  ): Promise<ProbeAnswer> {
    const step = decision === undefined ? '' : `/${decision}`;
    const query = new URLSearchParams({ [`${kind}_challenge`]: challenge });
    const url = `${this.#configuration.HYDRA_ADMIN_URL}/admin/oauth2/auth/requests/${kind}${step}?${query}`;
    return ask(url, method === 'GET' ? {} : { method, body });
  }

  /** Deletes the test login at Hydra. */
  async forget(sid: string | null | undefined): Promise<void> {
    const query = new URLSearchParams(sid === null || sid === undefined ? { subject } : { sid });
    const path = `/admin/oauth2/auth/sessions/login?${query}`;
    await ask(`${this.#configuration.HYDRA_ADMIN_URL}${path}`, { method: 'DELETE' });
  }

  #keep(headers: IncomingHttpHeaders): void {
    for (const line of headers['set-cookie'] ?? []) {
      const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) {
        this.#cookies.set(name, value);
      }
    }
  }
}

function authorizationPath({ PUBLIC_URL }: OryConfiguration): string {
  const query = new URLSearchParams({
    client_id: gatewayClientId,
    response_type: 'code',
    redirect_uri: `${PUBLIC_URL}/auth/callback`,
    scope: 'openid',
    state: 'asked-by-the-doctor',
  });
  return `/oauth2/auth?${query}`;
}

function parameterOf({ headers }: ProbeAnswer, name: string): string | undefined {
  const { location } = headers;
  return location !== undefined && URL.canParse(location)
    ? (new URL(location).searchParams.get(name) ?? undefined)
    : undefined;
}

function note(found: Observation[], answer: ProbeAnswer, code: FindingCode, wanted: string): void {
  const target = redirectTarget(answer);
  if (target !== wanted) {
    found.push({ code, detail: `${target ?? `no redirect (${answer.status})`} instead of ${wanted}` });
  }
}
