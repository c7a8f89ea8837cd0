import { once } from 'node:events';
import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type OryConfiguration, loadConfiguration } from '../../../platform/config/configuration.js';
import { HydraClient } from './hydra.client.js';

const stops: (() => void)[] = [];

afterEach(() => {
  stops.splice(0).forEach((stop) => stop());
});

it('introspections that Hydra leaves unanswered keep no login waiting, and end after their own time-out', async () => {
  const unanswered: ServerResponse[] = [];
  const server = createServer((request, response) => {
    if (request.url?.includes('introspect') === true) {
      unanswered.push(response);
      return;
    }
    response.setHeader('content-type', 'application/json').end('[]');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const hydra = new HydraClient(configurationFor(`http://127.0.0.1:${port}`));
  let ended = 0;
  const introspections = Array.from({ length: 6 }, async () =>
    hydra.introspect('ory_at_unknown').finally(() => (ended += 1)),
  );
  const outcomes = Promise.allSettled(introspections);
  await expect.poll(() => unanswered.length).toBe(2);
  await Promise.all(Array.from({ length: 8 }, async () => hydra.forgetSession('a session')));
  expect(ended).toBe(0);
  const reasons = (await outcomes).map((outcome) =>
    outcome.status === 'rejected' ? Reflect.get(outcome.reason, 'code') : outcome.value,
  );
  expect(reasons).toEqual(introspections.map(() => 'provider_unavailable'));
});

function configurationFor(url: string): OryConfiguration {
  const configuration = loadConfiguration({
    SECRETS: 'ZmlmdHkgd2F5cyB0byBsZWF2ZSBhIHNlY3JldCBiZWg=',
    KRATOS_PUBLIC_URL: url,
    KRATOS_ADMIN_URL: url,
    HYDRA_PUBLIC_URL: url,
    HYDRA_ADMIN_URL: url,
  });
  if (configuration.AUTH_PROVIDER !== 'ory') {
    throw new TypeError('not a configuration for Ory');
  }
  return configuration;
}
