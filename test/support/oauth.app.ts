import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { RegisteredClient } from './ory.admin.js';
import { nextOf, type Page, type UserAgent } from './user-agent.js';

const tokensSchema = z.looseObject({
  access_token: z.string(),
  id_token: z.string().optional(),
  refresh_token: z.string().optional(),
});

/** What an application got for its code. */
export type Tokens = z.output<typeof tokensSchema>;

/** An authorization request under way. */
export interface Authorization {
  /** Path and query to send the browser to. */
  readonly path: string;
  readonly state: string;
  readonly verifier: string;
}

/** An OAuth application by the gateway's side: it sends browsers to Hydra and exchanges codes (steps 6 and 7). */
export class OAuthApp {
  readonly client: RegisteredClient;
  readonly redirectUri: string;
  readonly #gateway: string;

  constructor(gateway: string, client: RegisteredClient, redirectUri: string) {
    this.#gateway = gateway;
    this.client = client;
    this.redirectUri = redirectUri;
  }

  /** The product's own single-page app. */
  static spa(gateway: string): OAuthApp {
    return new OAuthApp(gateway, { id: 'vestibule-spa', secret: '' }, `${gateway}/demo`);
  }

  /** A request with PKCE for the gateway's audience. @param changes parameters; undefined leaves one out. */
  authorize(changes: Readonly<Record<string, string | undefined>> = {}): Authorization {
    const verifier = randomBytes(32).toString('base64url');
    const state = randomBytes(16).toString('base64url');
    const parameters = {
      client_id: this.client.id,
      redirect_uri: this.redirectUri,
      response_type: 'code',
      scope: 'openid profile email',
      audience: this.#gateway,
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...changes,
    };
    const query = new URLSearchParams(
      Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    return { path: `/ory/hydra/oauth2/auth?${query}`, state, verifier };
  }

  /** Exchanges a code. @returns the token endpoint's answer, whatever it is. */
  async exchange(agent: UserAgent, code: string, verifier: string | undefined): Promise<Page> {
    return this.token(agent, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: this.redirectUri,
      ...(verifier === undefined ? {} : { code_verifier: verifier }),
    });
  }

  /** Calls the token endpoint with this client's credentials. */
  async token(agent: UserAgent, parameters: Readonly<Record<string, string>>): Promise<Page> {
    const { id, secret } = this.client;
    return agent.request('/ory/hydra/oauth2/token', {
      method: 'POST',
      headers:
        secret === '' ? {} : { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams(secret === '' ? { client_id: id, ...parameters } : parameters),
    });
  }

  /** The whole flow for a browser that is logged in at Kratos. @returns the tokens. */
  async login(agent: UserAgent, changes: Readonly<Record<string, string | undefined>> = {}): Promise<Tokens> {
    const { path, verifier } = this.authorize(changes);
    const page = await agent.navigate(path);
    return tokensOf(await this.exchange(agent, codeOf(page), verifier));
  }
}

/** Where a page load ended, or would go on to when that is another origin. */
export function landingOf(page: Page): URL {
  return new URL(nextOf(page) ?? page.headers.get('location') ?? page.url, page.url);
}

/** The code in the answer that a browser brought back. */
export function codeOf(page: Page): string {
  const code = landingOf(page).searchParams.get('code');
  if (code === null) {
    throw new Error(`${landingOf(page).pathname} (${page.status}) has no code`);
  }
  return code;
}

/** The tokens in a token endpoint's answer. */
export function tokensOf(page: Page): Tokens {
  return tokensSchema.parse(page.json());
}
