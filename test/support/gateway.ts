import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { expect } from 'vitest';
import { type AppOptions, createApp } from '../../src/app.setup.js';
import { type Configuration, loadConfiguration } from '../../src/config/configuration.js';
import { Clock } from '../../src/core/clock.service.js';
import { CookieCipher } from '../../src/session/cookie.cipher.js';
import { textOf } from '../../src/session/opened.token.js';
import { createLogger } from '../../src/http/pino.logger.js';
import type { ExtraClaims } from '../../src/session/claims.mapper.js';
import type { Claims } from '../../src/session/claims.schema.js';
import { type LoginEvidence, SessionService } from '../../src/session/session.service.js';
import type { ProviderIdentity, User } from '../../src/users/identity.js';
import { noteRequest } from './attack.counter.js';
import { UsersService } from '../../src/users/users.service.js';

/** Nothing listens there: whoever calls it is refused at once. */
const nobody = 'http://127.0.0.1:9';

/** What `AUTH_PROVIDER` needs besides the common variables, with nobody at the other end. */
export const providerEnv = {
  ory: {
    AUTH_PROVIDER: 'ory',
    KRATOS_PUBLIC_URL: nobody,
    KRATOS_ADMIN_URL: nobody,
    HYDRA_PUBLIC_URL: nobody,
    HYDRA_ADMIN_URL: nobody,
  },
  auth0: {
    AUTH_PROVIDER: 'auth0',
    AUTH0_DOMAIN: nobody,
    AUTH0_CLIENT_ID: 'client',
    AUTH0_CLIENT_SECRET: 'client-secret',
  },
  oidc: {
    AUTH_PROVIDER: 'oidc',
    OIDC_ISSUER: nobody,
    OIDC_CLIENT_ID: 'client',
    OIDC_CLIENT_SECRET: 'client-secret',
  },
} as const;

/** A request that goes into the application without a socket. */
export interface GatewayRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An answer, with its body as text. */
export interface GatewayAnswer {
  readonly status: number;
  /** One value a name; `set-cookie` values are in `cookies`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly text: string;
  json(): unknown;
}

/** A session as its holder sees it. */
export interface HeldSession {
  readonly user: User;
  readonly token: string;
  readonly claims: Claims;
  /** Value of the session cookie. */
  readonly sealed: string;
  /** Cookie header. */
  readonly cookie: string;
  /** Authorization header. */
  readonly bearer: string;
}

/** The whole application in this process, without Kratos or Hydra. */
export interface Gateway {
  readonly app: NestFastifyApplication;
  readonly configuration: Configuration;
  /** Name of the session cookie. */
  readonly cookieName: string;
  /** Log lines so far. */
  readonly log: readonly string[];
  request(path: string, request?: GatewayRequest): Promise<GatewayAnswer>;
  /**
   * Starts a session for somebody new.
   * @param profile what the provider says of them.
   * @param claims mapped ones.
   * @param evidence how they logged in, where it matters.
   */
  session(
    profile?: Partial<ProviderIdentity>,
    claims?: ExtraClaims,
    evidence?: Partial<LoginEvidence>,
  ): Promise<HeldSession>;
  /** Seals any token into a session cookie's value, as a version with claims of another form would: nothing of them is taken as checked. */
  seal(token: string): string;
  /** Sets the clock forward (or back) by this many seconds from the real time. */
  shiftClock(seconds: number): void;
  stop(): Promise<void>;
}

/** A secret as the documentation says to make it. */
export function newSecret(): string {
  return randomBytes(32).toString('hex');
}

/** A person as a provider describes them. */
export function newIdentity(profile: Partial<ProviderIdentity> = {}): ProviderIdentity {
  const subject = randomBytes(8).toString('hex');
  return {
    issuer: 'https://provider.example.test',
    subject,
    email: `${subject}@example.test`,
    emailVerified: true,
    name: 'Ada Lovelace',
    picture: null,
    ...profile,
  };
}

/**
 * Boots the application on a database of its own.
 * @param env settings on top of the minimal ones.
 * @param prepare called before the application is initialised, for example to add routes.
 * @param options what an adopter would bring along.
 */
export async function startGateway(
  env: Readonly<Record<string, string>> = {},
  prepare: (app: NestFastifyApplication) => void = () => undefined,
  options: AppOptions = {},
): Promise<Gateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vestibule-gateway-'));
  const configuration = loadConfiguration({
    PUBLIC_URL: 'https://auth.example.test',
    SECRETS: newSecret(),
    DATA_DIR: dataDir,
    DEMO: 'true',
    // Everybody in a test has one address; limits have specs of their own.
    RATE_LIMIT: 'false',
    // A test works in the same process, and is what keeps its event loop busy.
    MAX_EVENT_LOOP_DELAY: '0',
    ...providerEnv.ory,
    ...env,
  });
  const log: string[] = [];
  const logger = createLogger('debug', { write: (line: string) => void log.push(line) });
  const app = await createApp(configuration, { ...options, logger });
  let shift = 0;
  app.get(Clock, { strict: false }).now = () => Date.now() + shift * 1000;
  prepare(app);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const { protocol, host } = new URL(configuration.PUBLIC_URL);
  const cookieName = protocol === 'https:' ? '__Host-vestibule' : 'vestibule';
  const cipher = new CookieCipher(configuration.SECRETS);

  return {
    app,
    configuration,
    cookieName,
    log,
    request: async (path, { method = 'GET', headers = {}, body } = {}) => {
      noteRequest();
      const answer = await app.inject({
        method,
        url: path,
        headers: { host, ...headers },
        ...(body === undefined ? {} : { payload: body }),
      });
      const cookies = [answer.headers['set-cookie'] ?? []].flat();
      return {
        status: answer.statusCode,
        headers: Object.fromEntries(
          Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
        ),
        cookies,
        text: answer.body,
        json: (): unknown => JSON.parse(answer.body),
      };
    },
    session: async (profile, extra = {}, evidence = {}) => {
      const identity = newIdentity(profile);
      const account = await app.get(UsersService, { strict: false }).recordLogin(identity);
      const { user } = account;
      const { token, claims } = await app.get(SessionService, { strict: false }).start(
        account,
        {
          provider: configuration.AUTH_PROVIDER,
          issuer: identity.issuer,
          subject: identity.subject,
          clientId: 'vestibule',
          scope: ['openid'],
          amr: ['pwd'],
          acr: 'aal1',
          authTime: Date.now(),
          providerSessionId: randomBytes(8).toString('hex'),
          oidcSid: null,
          ...evidence,
        },
        extra,
        { userAgent: null, remoteAddress: '127.0.0.1' },
      );
      const sealed = cipher.seal(textOf(token));
      return {
        user,
        token,
        claims,
        sealed,
        cookie: `${cookieName}=${sealed}`,
        bearer: `Bearer ${token}`,
      };
    },
    seal: (token) => cipher.seal(textOf(token, 'another')),
    shiftClock: (seconds) => {
      shift = seconds;
    },
    stop: async () => {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A configuration without a provider behind it. */
export function plainConfiguration(env: Readonly<Record<string, string>> = {}): Configuration {
  return loadConfiguration({ SECRETS: newSecret(), ...providerEnv.ory, ...env });
}

/** Expects an answer to be this problem. */
export function expectProblem(answer: GatewayAnswer, status: number, code: string): void {
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
}
