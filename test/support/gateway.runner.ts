import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { createApp } from '../../src/app/app-setup.js';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { Clock } from '../../src/platform/time/clock.service.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { createLogger } from '../../src/platform/logging/pino-logger.js';
import { migratedDataDir } from './fresh.database.js';
import { readHealth } from './health.js';
import { leaveOrigin, takeOrigin } from './ory.pool.js';
import { waitUntil } from './stack.js';
import { ownFeatures } from '../../src/app/features.js';

/** Where a gateway will run, and what stays when it's started again with another provider. */
export interface GatewaySite {
  readonly url: string;
  readonly dataDir: string;
  /** Address, folder and secrets. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** A gateway in this process, whatever its provider. */
export interface RunningGateway {
  readonly url: string;
  /** Log lines so far. */
  readonly log: readonly string[];
  /** What `GET /health/ready` says. */
  readiness(): ReturnType<typeof readHealth>;
  /** Sets its clock forward (or back) by this many seconds from the real time. */
  shiftClock(seconds: number): void;
  /** Its database. */
  query(): Database['query'];
  /** The audit trail, oldest first. */
  auditTrail(): Promise<{ type: string; user_id: string | null; reason: string | null }[]>;
  /** Ends it and starts it again with settings on top. @param ready false: doesn't wait for the provider. */
  restart(env?: Readonly<Record<string, string>>, ready?: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** Picks a port, a folder and secrets. */
export async function newGatewaySite(): Promise<GatewaySite> {
  const url = await takeOrigin();
  const dataDir = await migratedDataDir();
  return {
    url,
    dataDir,
    env: {
      PUBLIC_URL: url,
      PORT: new URL(url).port,
      DATA_DIR: dataDir,
      SECRETS: randomBytes(32).toString('hex'),
      DEMO: 'true',
      // Everybody in a test has one address; limits have specs of their own.
      RATE_LIMIT: 'false',
      // A test works in the same process, and is what keeps its event loop busy.
      MAX_EVENT_LOOP_DELAY: '0',
    },
    remove: async () => {
      leaveOrigin(url);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Starts a gateway. @param ready false: doesn't wait until the provider is there. */
export async function runGateway(
  site: GatewaySite,
  providerEnv: Readonly<Record<string, string>>,
  ready = true,
): Promise<RunningGateway> {
  let env: Record<string, string> = { ...site.env, ...providerEnv };
  let shift = 0;
  const log: string[] = [];
  const logger = createLogger('debug', { write: (line: string) => void log.push(line) });
  const start = async (wait: boolean): Promise<NestFastifyApplication> => {
    const configuration = loadConfiguration(env, ownFeatures);
    const app = await createApp(configuration, { logger });
    app.get(Clock, { strict: false }).now = () => Date.now() + shift * 1000;
    await app.listen(configuration.PORT, configuration.HOST);
    if (wait) {
      await waitUntil(async () => (await readHealth(site.url)).status === 'ok', 'readiness');
    }
    return app;
  };
  let app = await start(ready);
  const query = (): Database['query'] => app.get(Database, { strict: false }).query;
  return {
    url: site.url,
    log,
    readiness: () => readHealth(site.url),
    shiftClock: (seconds) => {
      shift = seconds;
    },
    query,
    auditTrail: async () => {
      await app.get(AuditService, { strict: false }).flush();
      return query().selectFrom('audit_events').select(['type', 'user_id', 'reason']).orderBy('id').execute();
    },
    restart: async (extra = {}, wait = true) => {
      await app.close();
      env = { ...env, ...extra };
      app = await start(wait);
    },
    stop: () => app.close(),
  };
}
