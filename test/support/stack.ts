import 'reflect-metadata';
import { rm } from 'node:fs/promises';
import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { inject } from 'vitest';
import { createApp } from '../../src/app/app-setup.js';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import type { SocialProvider } from '../../src/platform/config/social-providers.parser.js';
import { Clock } from '../../src/platform/time/clock.service.js';
import type { OryStack } from '../../src/launcher/ory-stack.js';
import type { EmbeddedSecrets } from '../../src/launcher/secret.store.js';
import { createLogger } from '../../src/platform/logging/pino-logger.js';
import { migratedDataDir } from './fresh.database.js';
import { readHealth } from './health.js';
import { leaveOrigin, startTestOry, takeOrigin, takeOry } from './ory.pool.js';
import { type OryDsn, prepareOryDatabases } from './ory.template.js';
import { type DatabaseKind, TestDatabases } from './test.database.js';
import { ownFeatures } from '../../src/app/features.js';

export interface StackOptions {
  /** Of the gateway, Kratos and Hydra alike. */
  readonly database?: DatabaseKind;
  /** Of `inject('postgresUrl')`; needed for `postgres`. */
  readonly postgresUrl?: string;
  /** Origin that browsers see, where it isn't the one the gateway listens on. */
  readonly publicUrl?: string;
  /** File with the certificate of an authority that Kratos and Hydra trust; with `publicUrl`. */
  readonly authority?: string;
  /** Third-party logins for Kratos; asked with the origin that browsers see. */
  readonly socialProviders?: (origin: string) => Promise<readonly SocialProvider[]>;
  /** Kratos and Hydra that no earlier file has used, for a test that counts what they hold. One that ends them needn't ask: they aren't shared after it. */
  readonly ownOry?: boolean;
  /** Kratos and Hydra of the pool, on SQLite, beside a gateway on PostgreSQL: for a test of what the gateway stores. */
  readonly sharedOry?: boolean;
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
  /** Folder above `ory/`, where the SQLite files of Kratos and Hydra are. */
  readonly oryDataDir: string;
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
  const dataDir = await migratedDataDir();
  const url = await takeOrigin();
  const origin = options.publicUrl ?? url;
  const databases =
    options.database === 'postgres' ? new TestDatabases(options.postgresUrl ?? '') : undefined;
  // Another server may be one whose migrations are tested.
  const isOfRun = databases !== undefined && options.postgresUrl === inject('postgresUrl');
  const dsn =
    databases === undefined || options.sharedOry === true
      ? undefined
      : await (isOfRun ? prepareOryDatabases(databases) : emptyOryDatabases(databases));
  const {
    ory,
    secrets,
    dataDir: oryDataDir,
    log: oryLog,
    release,
  } = await (isShareable(options)
    ? takeOry(url)
    : startTestOry({
        origin,
        gatewayUrl: url,
        dsn,
        socialProviders: await options.socialProviders?.(origin),
        logLevel: options.oryLogLevel,
        withoutKeys: options.withoutKeys,
        authority: options.authority,
      }));
  const log: string[] = [];
  const env: Record<string, string> = {
    PUBLIC_URL: origin,
    PORT: new URL(url).port,
    DATA_DIR: dataDir,
    SECRETS: secrets.gateway.join(','),
    ...(databases === undefined
      ? {}
      : { DATABASE_URL: await (isOfRun ? databases.createMigrated() : databases.create()) }),
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
    const configuration = loadConfiguration(env, ownFeatures);
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
    oryDataDir,
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
      await release();
      leaveOrigin(url);
      await databases?.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function emptyOryDatabases(databases: TestDatabases): Promise<OryDsn> {
  return { kratos: await databases.create(), hydra: await databases.create() };
}

/** Whether Kratos and Hydra may be those that other test files have used. */
function isShareable(options: StackOptions): boolean {
  const { database, publicUrl, socialProviders, ownOry, sharedOry, withoutKeys, oryLogLevel } = options;
  const isSpecial = [publicUrl, socialProviders, oryLogLevel].some((option) => option !== undefined);
  const isOnSqlite = database !== 'postgres' || sharedOry === true;
  return isOnSqlite && ownOry !== true && withoutKeys !== true && !isSpecial;
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
