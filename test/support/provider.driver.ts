import { createHash, randomBytes } from 'node:crypto';
import { tokensOf, type Tokens } from './oauth.app.js';
import type { IdTokenFault } from './openid.keys.js';
import { sendForm, travel } from './travel.js';
import type { Page, UserAgent } from './user-agent.js';

/** Values of `AUTH_PROVIDER`. */
export const providerNames = ['ory', 'auth0', 'oidc'] as const;
export type ProviderName = (typeof providerNames)[number];

/** Somebody with an account at a provider. */
export interface Member {
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string;
  readonly picture: string;
  /** What to fill into the provider's login form. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** What an account is made with. */
export interface MemberProfile {
  readonly email?: string;
  readonly emailVerified?: boolean;
  /** Whether the provider's login form takes a second factor when it's asked for one; not at Ory, where people set it up. */
  readonly secondFactor?: boolean;
}

/** What can go wrong between everybody and the provider. */
export interface Wire {
  slow(milliseconds: number): void;
  down(): void;
  html(): void;
  /** Ends these faults, and those of tokens and subjects. */
  reset(): void;
}

/** What differs between providers: how to start one and what to tell the gateway about it. */
export interface ProviderSide {
  readonly name: ProviderName;
  /** `AUTH_PROVIDER` and everything that belongs to it. */
  readonly env: Readonly<Record<string, string>>;
  readonly endpoints: { readonly authorization: string; readonly token: string };
  /** Name of the parameter that asks for an audience. */
  readonly audienceParameter: 'audience' | 'resource';
  /** Whether access tokens are JWTs. */
  readonly jwtAccessTokens: boolean;
  readonly ownClientId: string;
  /** Whether this is the provider's form for a new account. */
  isSignUpPage(page: Page): boolean;
  readonly wire: Wire;
  /** From now on the gateway gets ID tokens with this fault. */
  tamperIdToken(fault: IdTokenFault): void;
  /** From now on the gateway gets this ID token. */
  replaceIdToken(idToken: string): void;
  /** From now on the provider tells of this subject, no matter whose access token it is. */
  swapSubject(subject: string): void;
  /** From now on the provider says that credentials were given an hour before, whatever it was asked for. */
  backdateLogins(): void;
  /** From now on the provider signs with a new key; what it signed before is still verified. */
  rotateKeys(): Promise<void>;
  /** How often the provider's key set was fetched. */
  countKeyFetches(): number;
  /** How often the gateway gave up an access token of its own; not where it doesn't. */
  countRevocations?(): number;
  /** Makes an account. */
  enrol(profile?: MemberProfile): Promise<Member>;
  /** Disables an account as an administrator of the provider does. No logout is sent. */
  disable(member: Member): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a provider for a gateway of this origin. */
export type ProviderDriver = (gatewayUrl: string) => Promise<ProviderSide>;

/** Clients that each driver registers, besides the gateway's own. All but `foreign` are allowed. */
export const contractClients = {
  /** Public. */
  app: 'app',
  /** Public, access tokens of one second. */
  brief: 'brief',
  /** Public, with all rights at the provider but unknown to the gateway. */
  foreign: 'foreign',
  /** Client credentials only. */
  robot: 'robot',
} as const;
export const robotSecret = 'robot-secret-of-the-contract';
/** Identifier of the API: the same under each provider, as it would be after a move. */
export const apiAudience = 'https://api.example.test';
/** An API that isn't ours. */
export const otherAudience = 'https://elsewhere.example.test';

/** Where the applications of the contract get their answers. */
export function appRedirectUri(gatewayUrl: string): string {
  return `${gatewayUrl}/app-of-the-contract`;
}

/** A provider with a gateway before it, as browsers and applications use it. */
export class ContractParty {
  readonly side: ProviderSide;
  readonly #gatewayUrl: string;

  constructor(side: ProviderSide, gatewayUrl: string) {
    this.side = side;
    this.#gatewayUrl = gatewayUrl;
  }

  /** Opens a login or registration. @returns the provider's page, or the last one when it doesn't ask. */
  async ask(agent: UserAgent, kind: 'login' | 'signup' = 'login', returnTo = '/'): Promise<Page> {
    const query = new URLSearchParams({ return_to: returnTo });
    return (await travel(agent, `${this.#gatewayUrl}/auth/${kind}?${query}`)).page;
  }

  /** The whole login by browser. @returns the page at the end. */
  async logIn(agent: UserAgent, member: Member, returnTo = '/'): Promise<Page> {
    const page = await this.ask(agent, 'login', returnTo);
    return (await sendForm(agent, page, member.credentials)).page;
  }

  /** A login up to the provider's answer, which isn't delivered yet. */
  async answer(agent: UserAgent, member: Member, start = `${this.#gatewayUrl}/auth/login`): Promise<URL> {
    return this.#obtain(agent, member, start, `${this.#gatewayUrl}/auth/callback`);
  }

  /** Tokens for an application that runs the code flow with PKCE by itself (steps 6 and 7). */
  async tokens(
    agent: UserAgent,
    member: Member,
    clientId: string = contractClients.app,
    audience: string = apiAudience,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<Tokens> {
    const verifier = randomBytes(32).toString('base64url');
    const redirectUri = appRedirectUri(this.#gatewayUrl);
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid profile email',
      state: randomBytes(16).toString('base64url'),
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      [this.side.audienceParameter]: audience,
      ...parameters,
    });
    const start = `${this.side.endpoints.authorization}?${query}`;
    const code = (await this.#obtain(agent, member, start, redirectUri)).searchParams.get('code') ?? '';
    return tokensOf(
      await agent.request(this.side.endpoints.token, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: clientId,
          code,
          redirect_uri: redirectUri,
          code_verifier: verifier,
        }),
      }),
    );
  }

  /** An access token that a client got for itself. */
  async robotToken(agent: UserAgent): Promise<string> {
    const answer = await agent.request(this.side.endpoints.token, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: contractClients.robot,
        client_secret: robotSecret,
        [this.side.audienceParameter]: apiAudience,
      }),
    });
    return tokensOf(answer).access_token;
  }

  /** Travels to a redirect that starts so, logging in on the way where the provider asks. */
  async #obtain(agent: UserAgent, member: Member, start: string, target: string): Promise<URL> {
    const stop = (next: URL): boolean => next.origin + next.pathname === target;
    let arrival = await travel(agent, start, stop);
    if (arrival.next === undefined) {
      arrival = await sendForm(agent, arrival.page, member.credentials, stop);
    }
    if (arrival.next === undefined) {
      throw new Error(
        `${new URL(arrival.page.url).pathname} (${arrival.page.status}) came before the answer`,
      );
    }
    return arrival.next;
  }
}
