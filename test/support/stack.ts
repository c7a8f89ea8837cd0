import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { createApp } from '../../src/app/app.setup.js';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import type { SocialProvider } from '../../src/platform/config/social-providers.parser.js';
import { Clock } from '../../src/platform/time/clock.service.js';
import { type OryStack, startOry } from '../../src/launcher/ory.stack.js';
import { findFreePorts } from '../../src/launcher/port.finder.js';
import { type EmbeddedSecrets, makeSecrets } from '../../src/launcher/secret.store.js';
import { createLogger } from '../../src/platform/logging/pino.logger.js';
import { readHealth } from './health.js';
import { giveSigningKeys, prepareOryData, silentProgress } from './ory.template.js';
import { TestDatabases } from './test.database.js';

/** Which databases a stack runs on: the gateway's, Kratos' and Hydra's alike. */
export type DatabaseKind = 'sqlite' | 'postgres';

export interface StackOptions {
  readonly database?: DatabaseKind;
  /** Of `inject('postgresUrl')`; needed for `postgres`. */
  readonly postgresUrl?: string;
  /** Origin that browsers see, where it isn't the one the gateway listens on. */
  readonly publicUrl?: string;
  /** Third-party logins for Kratos; asked with the origin that browsers see. */
  readonly socialProviders?: (origin: string) => Promise<readonly SocialProvider[]>;
  /** Leaves Hydra without signing keys, as after a real first start: making them takes seconds of a core. */
  readonly withoutKeys?: boolean;
  /** Modules that an adopter would bring along. */
  readonly modules?: readonly Type[];
  /** As `LOG_LEVEL` would be for Kratos and Hydra: under `debug` they log each request. Default info: warnings and errors. */
  readonly oryLogLevel?: string;
  /** Settings on top of the stack's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Real Kratos and Hydra with a gateway in this process, on databases and ports of their own. */
export interface Stack {
  /** Where the gateway listens; also its origin, unless the options said another. */
  readonly url: string;
  readonly ory: OryStack;
  /** The environment that the gateway was started with. */
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: EmbeddedSecrets;
  /** Log lines of the gateway so far, as text. */
  readonly log: readonly string[];
  /** What Kratos, Hydra and Mailpit wrote so far. */
  readonly oryLog: readonly string[];
  /** Databases of Kratos and Hydra, under `postgres`. */
  readonly dsn: { readonly kratos: string; readonly hydra: string } | undefined;
  app(): NestFastifyApplication;
  /** Sets the gateway's clock forward (or back) by this many seconds from the real time. */
  shiftClock(seconds: number): void;
  /** Ends the gateway and starts it again, with settings on top. */
  restartGateway(env?: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a stack; resolves when the gateway is ready and its set-up at Ory is done. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vestibule-test-'));
  const [port = 0] = await findFreePorts(1);
  const url = `http://localhost:${port}`;
  const secrets = makeSecrets();
  const databases =
    options.database === 'postgres' ? new TestDatabases(options.postgresUrl ?? '') : undefined;
  const dsn =
    databases === undefined
      ? undefined
      : { kratos: await databases.create(), hydra: await databases.create() };
  if (dsn === undefined) {
    await prepareOryData(dataDir);
  }
  const oryLog: string[] = [];
  const ory = await startOry({
    dataDir,
    publicUrl: options.publicUrl ?? url,
    environment: process.env,
    secrets,
    socialProviders: (await options.socialProviders?.(options.publicUrl ?? url)) ?? [],
    ...(dsn === undefined ? {} : { dsn }),
    ...(options.oryLogLevel === undefined ? {} : { logLevel: options.oryLogLevel }),
    log: (source, line) => void oryLog.push(`${source} ${line}`),
    progress: silentProgress,
  });
  if (options.withoutKeys !== true) {
    await giveSigningKeys(ory.env['HYDRA_ADMIN_URL'] ?? '');
  }
  const log: string[] = [];
  const env: Record<string, string> = {
    PUBLIC_URL: options.publicUrl ?? url,
    PORT: String(port),
    DATA_DIR: dataDir,
    SECRETS: secrets.gateway.join(','),
    ...(databases === undefined ? {} : { DATABASE_URL: await databases.create() }),
    DEMO: 'true',
    // Everybody in a test has one address; limits have specs of their own.
    RATE_LIMIT: 'false',
    // A test works in the same process, and is what keeps its event loop busy.
    MAX_EVENT_LOOP_DELAY: '0',
    ...ory.env,
    ...options.env,
  };
  let shift = 0;
  const start = async (): Promise<NestFastifyApplication> => {
    const configuration = loadConfiguration(env);
    const app = await createApp(configuration, { logger: collect(log), modules: options.modules ?? [] });
    const clock = app.get(Clock, { strict: false });
    clock.now = () => Date.now() + shift * 1000;
    await app.listen(configuration.PORT, configuration.HOST);
    await waitUntil(async () => (await readHealth(url)).status === 'ok', 'the gateway to be ready');
    return app;
  };
  let app = await start();
  return {
    url,
    ory,
    env,
    secrets,
    log,
    oryLog,
    dsn,
    app: () => app,
    shiftClock: (seconds) => {
      shift = seconds;
    },
    restartGateway: async (extra = {}) => {
      await app.close();
      Object.assign(env, extra);
      app = await start();
    },
    stop: async () => {
      await app.close();
      await ory.stop();
      await databases?.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * Waits for a condition, asking every 20 ms. @throws when it doesn't come true within the limit: milliseconds, of which a question
 * counts 100 at most, so that a busy machine isn't an error.
 */
export async function waitUntil(
  condition: () => Promise<boolean> | boolean,
  what: string,
  limit = 60_000,
): Promise<void> {
  for (let waited = 0, last = performance.now(); !(await condition());) {
    const now = performance.now();
    waited += Math.min(now - last, 100);
    last = now;
    if (waited > limit) {
      throw new Error(`waited ${limit} ms for ${what}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

/** The product's own logger, writing into an array. */
function collect(lines: string[]): Logger {
  return createLogger('debug', { write: (line: string) => void lines.push(line) });
}
