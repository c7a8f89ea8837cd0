import { inspect } from 'node:util';
import { ModulesContainer } from '@nestjs/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CONFIGURATION } from '../../src/platform/config/config.module.js';
import { type Gateway, newSecret, startGateway } from '../support/gateway.js';

const secrets = {
  SECRETS: newSecret(),
  METRICS_TOKEN: newSecret(),
  SMTP_URL: `smtp://mail:${newSecret()}@127.0.0.1:2/`,
};
let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway(secrets);
});

afterAll(async () => {
  await gateway?.stop();
});

it('an instance that an application prints, such as `this`, shows no secret', () => {
  // Settings are what may be injected, not kept where it's printed.
  const settings = gateway.configuration.features.map(({ settings: read }) => read?.token);
  const printed = new Set<unknown>([CONFIGURATION, ...settings]);
  const instances = [...gateway.app.get(ModulesContainer).values()]
    .flatMap(({ providers, controllers }) => [...providers.values(), ...controllers.values()])
    .filter(({ token, instance }) => !printed.has(token) && typeof instance === 'object');
  expect(instances.length).toBeGreaterThan(150);
  const values = Object.values(secrets).map((text) => text.replace(/^smtp:\/\/mail:|@.*$/g, ''));
  const showing = instances.filter(({ instance }) => {
    // As console.log prints them, and one level deeper.
    const text = inspect(instance, { depth: 3 });
    return values.some((value) => text.includes(value));
  });
  expect(showing.map(({ name }) => String(name))).toEqual([]);
});
