// A gateway that bench/revocations.mjs asks for revocations: it starts without a provider, says where it is, and does what it is told.
import 'reflect-metadata';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { makeApiKey } from '../../dist/api-keys/api-key-format.js';
import { createApp } from '../../dist/app/app-setup.js';
import { ownFeatures } from '../../dist/app/features.js';
import { loadConfiguration } from '../../dist/platform/config/configuration.js';
import { newId } from '../../dist/platform/core/identifier.js';
import { Database } from '../../dist/platform/database/database.schema.js';
import { createLogger } from '../../dist/platform/logging/pino-logger.js';
import { RevocationFeed } from '../../dist/session/revocation/revocation-feed.js';

const configuration = loadConfiguration(process.env, ownFeatures);
const app = await createApp(configuration, { logger: createLogger('warn') });
await app.listen(configuration.PORT, '127.0.0.1');
const feed = app.get(RevocationFeed, { strict: false });
const { query } = app.get(Database, { strict: false });

const [userId, keyId, now] = [newId(), newId(), Date.now()];
const text = {
  email: null,
  email_key: null,
  name: 'Administrator',
  name_key: 'administrator',
  picture: null,
};
await query
  .insertInto('users')
  .values({
    id: userId,
    ...text,
    email_verified: 0,
    role: 'admin',
    kind: 'person',
    version: 1,
    disabled_at: null,
    created_at: now,
    updated_at: now,
    last_login_at: null,
  })
  .execute();
const { key, secretHash } = makeApiKey(keyId);
await query
  .insertInto('api_keys')
  .values({
    id: keyId,
    secret_hash: secretHash,
    name: 'Benchmark',
    user_id: userId,
    org_id: null,
    scope: 'revocations:read',
    created_by: userId,
    created_at: now,
    expires_at: null,
    last_used_at: null,
    revoked_at: null,
  })
  .execute();

const end = () => ({
  id: newId(),
  kind: 'session',
  before: null,
  recorded_at: Date.now(),
  expires_at: Date.now() + 3_600_000,
});
const delay = monitorEventLoopDelay({ resolution: 5 });
const commands = {
  /** Ends sessions that no row of SQL has. */
  end: ({ count }) => {
    for (let left = count; left > 0; left -= 10_000) {
      feed.announce(Array.from({ length: Math.min(left, 10_000) }, end));
    }
  },
  usage: () => {
    globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const used = {
      cpu: (user + system) / 1e6,
      resident: process.memoryUsage().rss / 1e6,
      delay: delay.max / 1e6,
    };
    delay.reset();
    return used;
  },
};
delay.enable();
process.on('message', ({ command, ...given }) => process.send({ result: commands[command](given) ?? null }));
process.send({ key });
