/**
 * The entry point for tests of an application, `@vestibule-auth/vestibule/testing`: the whole gateway with the application's modules in the
 * test's own process, and sessions without a login.
 */
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from './app/app-setup.js';
import type { ApplicationParts } from './app/app-start.js';
import { type Configuration, loadConfiguration } from './platform/config/configuration.js';
import { Clock } from './platform/time/clock.service.js';
import { CookieCipher } from './session/cookie/cookie-cipher.js';
import { cookieTextOf } from './session/cookie/decrypted-cookie.js';
import { createLogger } from './platform/logging/pino-logger.js';
import type { ExtraClaims } from './session/tokens/claims.mapper.js';
import type { Claims } from './session/tokens/claims.schema.js';
import { type AuthenticationContext, SessionService } from './session/session.service.js';
import type { ProviderIdentity, User } from './directory/users/identity.js';
import { UsersService } from './directory/users/users.service.js';
import { ownFeatures } from './app/features.js';

/** Nothing listens there: anyone who calls it is refused at once. */
const nobody = 'http://127.0.0.1:2';

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

/** The whole application in this process, without Kratos, Hydra or another provider. */
export interface TestGateway {
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
    evidence?: Partial<AuthenticationContext>,
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

/** How a test's gateway differs from the plain one. */
export interface TestGatewayOptions extends ApplicationParts {
  /** Settings on top of the least that there must be: SQLite in a folder of its own, and a provider that isn't reachable. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called before the application is initialised, for example to add routes or to replace a provider. */
  readonly prepare?: (app: NestFastifyApplication) => void;
}

/** Starts the whole application, on a database of its own unless `env` names one. Call `stop()` afterwards. */
export async function startTestGateway({
  env = {},
  features = [],
  prepare,
  ...parts
}: TestGatewayOptions = {}): Promise<TestGateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vestibule-test-'));
  const configuration = loadConfiguration(
    {
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
    },
    [...ownFeatures, ...features],
  );
  const log: string[] = [];
  const logger = createLogger('debug', { write: (line: string) => void log.push(line) });
  const app = await createApp(configuration, { ...parts, logger });
  let shift = 0;
  app.get(Clock, { strict: false }).now = () => Date.now() + shift * 1000;
  prepare?.(app);
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
      const sealed = cipher.encrypt(cookieTextOf(token));
      return {
        user,
        token,
        claims,
        sealed,
        cookie: `${cookieName}=${sealed}`,
        bearer: `Bearer ${token}`,
      };
    },
    seal: (token) => cipher.encrypt(cookieTextOf(token, 'another')),
    shiftClock: (seconds) => {
      shift = seconds;
    },
    stop: async () => {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
