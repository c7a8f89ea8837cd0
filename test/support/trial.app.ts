import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { buildGo } from './go.program.js';
import { startOpenidClientApp } from './openid-client.app.js';
import type { RegisteredClient } from './ory.admin.js';
import { type NewApplication, registerApplication } from './registered.application.js';
import { type Stack, waitUntil } from './stack.js';
import { nextOf, type Page, type UserAgent } from './user-agent.js';

/** Libraries that the trial's applications are made with. */
export const libraries = ['openid-client', 'go-oidc'] as const;

export type Library = (typeof libraries)[number];

/** What an application is started with. */
export interface TrialSettings {
  readonly issuer: string;
  readonly client: RegisteredClient;
  /** Its own origin, at a loopback port. */
  readonly origin: string;
  readonly authentication: string;
}

const claimsSchema = z.record(z.string(), z.unknown());
const loginSchema = z.object({
  id_token: z.string(),
  access_token: z.string(),
  refresh_token: z.string().optional(),
  /** Of the ID token. */
  claims: claimsSchema,
  userinfo: claimsSchema,
});
const noticesSchema = z.array(
  z.object({
    /** Of the logout token, whose signature, issuer, audience and event were verified. */
    claims: claimsSchema,
    /** Why the library's own function refuses the token; empty if it accepts it, or has none. */
    refusal: z.string(),
  }),
);

/** What an application has after a login that its library verified. */
export type TrialLogin = z.output<typeof loginSchema>;

/**
 * An application that logs users in by one library. `/login` begins a login with the parameters of its query (`omit` names those to
 * leave out), `/callback` ends it, `/refresh` renews it, and `/logout` sends the browser to the provider's end-session endpoint.
 */
export class TrialApp {
  readonly origin: string;
  readonly client: RegisteredClient;
  readonly stop: () => Promise<void>;

  private constructor(origin: string, client: RegisteredClient, stop: () => Promise<void>) {
    this.origin = origin;
    this.client = client;
    this.stop = stop;
  }

  /** Registers an application at this stack and starts it. */
  static async start(
    library: Library,
    stack: Pick<Stack, 'app' | 'env' | 'url'>,
    own: Partial<NewApplication> = {},
  ): Promise<TrialApp> {
    const [port = 0] = await findFreePorts(1);
    const origin = `http://127.0.0.1:${port}`;
    const client = await registerApplication(stack, {
      name: `Wiki by ${library}`,
      redirectUris: [`${origin}/callback`],
      postLogoutRedirectUris: [`${origin}/bye`],
      backchannelLogoutUri: `${origin}/backchannel-logout`,
      ...own,
    });
    const authentication = own.tokenEndpointAuthMethod ?? 'client_secret_basic';
    const settings = { issuer: `${stack.url}/ory/hydra`, client, origin, authentication };
    const start = library === 'go-oidc' ? startGoOidcApp : startOpenidClientApp;
    return new TrialApp(origin, client, await start(settings));
  }

  /** The authorization request that the application sends a browser to. */
  async begin(parameters: Readonly<Record<string, string>> = {}): Promise<URL> {
    return this.#redirectOf(`/login?${new URLSearchParams({ scope: 'openid', ...parameters })}`);
  }

  /** Takes a browser, which is logged in at the provider, through a login that asks the user nothing. */
  async logIn(agent: UserAgent, parameters: Readonly<Record<string, string>> = {}): Promise<TrialLogin> {
    const begun = await this.begin(parameters);
    return this.finish(await agent.navigate(begun.href));
  }

  /** Ends a login with the answer that a browser brings. @param page whose redirect leads to the application. */
  async finish(page: Page): Promise<TrialLogin> {
    return this.#read(this.answerIn(page));
  }

  /** Why the application refuses the answer that a browser brings. */
  async failure(page: Page): Promise<string> {
    const answer = await fetch(this.answerIn(page));
    return z.object({ error: z.string() }).parse(await answer.json()).error;
  }

  /** Where a page's redirect leads. @throws {Error} if that isn't this application. */
  answerIn(page: Page): URL {
    const target = new URL(nextOf(page) ?? page.url, page.url);
    if (target.origin !== this.origin) {
      throw new Error(`the browser is at ${target.pathname} (${page.status}), not back at the application`);
    }
    return target;
  }

  /** Renews a login. */
  async refresh(token: string): Promise<TrialLogin> {
    return this.#read(new URL(`/refresh?${new URLSearchParams({ token })}`, this.origin));
  }

  /** The end-session request that the application sends a browser to. */
  async beginLogout(parameters: Readonly<Record<string, string>>): Promise<URL> {
    return this.#redirectOf(`/logout?${new URLSearchParams(parameters)}`);
  }

  /** The logout tokens that it has received. */
  async notices(): Promise<z.output<typeof noticesSchema>> {
    return noticesSchema.parse(await (await fetch(`${this.origin}/notices`)).json());
  }

  async #read(url: URL): Promise<TrialLogin> {
    const answer = await fetch(url);
    if (!answer.ok) {
      throw new Error(`the application refuses the login: ${await answer.text()}`);
    }
    return loginSchema.parse(await answer.json());
  }

  async #redirectOf(path: string): Promise<URL> {
    const answer = await fetch(this.origin + path, { redirect: 'manual' });
    const location = answer.headers.get('location');
    if (location === null) {
      throw new Error(`the application answers ${answer.status}: ${await answer.text()}`);
    }
    return new URL(location);
  }
}

async function startGoOidcApp(settings: TrialSettings): Promise<() => Promise<void>> {
  const { issuer, client, origin, authentication } = settings;
  const program = join(await buildGo('go-oidc-app'), 'go-oidc-app');
  const child = spawn(program, [], {
    env: {
      ISSUER: issuer,
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      ORIGIN: origin,
      AUTHENTICATION: authentication,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
  await waitUntil(async () => {
    if (child.exitCode !== null) {
      throw new Error(errors);
    }
    return fetch(`${origin}/notices`).then(
      ({ ok }) => ok,
      () => false,
    );
  }, 'the application by go-oidc to answer');
  return async () => {
    if (child.exitCode === null) {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    }
  };
}
