import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type AnsweringOry, startAnsweringOry } from '../../../../test/support/answering.ory.js';
import { newId } from '../../../platform/core/identifier.js';
import { ApplicationSecretRepository } from '../../../providers/ory/hydra/application-secret.repository.js';
import { applicationOf } from '../../../providers/ory/hydra/hydra-applications.js';
import { ApplicationRegistry } from '../application-registry.js';

let ory: AnsweringOry;

beforeAll(async () => {
  ory = await startAnsweringOry();
});

afterAll(async () => {
  await ory?.stop();
});

it('a new secret that can’t be stored leaves the former one at Hydra, and is made by the next attempt', async () => {
  const id = newId();
  const client = {
    client_id: id,
    client_name: 'Wiki',
    scope: 'openid',
    token_endpoint_auth_method: 'client_secret_basic',
    metadata: {
      application: {
        kind: 'web',
        access: 'everyone',
        roles: [],
        remember_consent: true,
        created_by: newId(),
        created_at: 1,
      },
    },
  };
  ory.say(`GET /admin/clients/${id}`, 200, client);
  const application = applicationOf(client);
  if (application === undefined) {
    throw new TypeError('the client is an application');
  }
  const registry = ory.gateway.app.get(ApplicationRegistry, { strict: false });
  const secrets = ory.gateway.app.get(ApplicationSecretRepository, { strict: false });
  await secrets.store(id, 'former', 0);
  const atHydra = (): unknown[] =>
    ory.asked.flatMap((line) => {
      const [, body] = line.split(`PUT /admin/clients/${id} `);
      return body === undefined ? [] : [Reflect.get(JSON.parse(body), 'client_secret')];
    });
  const hour = Date.now() + 3_600_000;
  vi.spyOn(secrets, 'store').mockRejectedValueOnce(new Error('the database is away'));
  await expect(registry.rotateSecret(application, hour)).rejects.toThrow('the database is away');
  expect(atHydra()).toEqual([expect.stringMatching(/^vsc_/), 'former']);
  expect([await secrets.current(id), await secrets.currentFor(id, 'former')]).toEqual(['former', 'former']);
  const secret = await registry.rotateSecret(application, hour);
  expect(atHydra().at(-1)).toBe(secret);
  expect(await secrets.currentFor(id, 'former')).toBe(secret);
});
