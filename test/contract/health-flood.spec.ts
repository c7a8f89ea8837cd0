import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CountingServer, startCountingServer } from '../support/call.counter.js';
import { type Gateway, startGateway } from '../support/gateway.js';

let ory: CountingServer;
let gateway: Gateway;

beforeAll(async () => {
  ory = await startCountingServer();
  const { url } = ory;
  gateway = await startGateway({
    KRATOS_PUBLIC_URL: url,
    KRATOS_ADMIN_URL: url,
    HYDRA_PUBLIC_URL: url,
    HYDRA_ADMIN_URL: url,
  });
  // With a live session it is served although this provider was never set up.
  await gateway.session();
});

afterAll(async () => {
  await gateway?.stop();
  await ory?.stop();
});

it('a flood at /health/ready is few looks at the dependencies, and a later question a new one [H09]', async () => {
  await expect
    .poll(async () => (await gateway.request('/health/ready')).status, { timeout: 60_000 })
    .toBe(200);
  const looks = (): number => ory.requests.filter((line) => line === 'GET /admin/health/ready').length;
  const before = looks();
  const answers = await Promise.all(Array.from({ length: 200 }, () => gateway.request('/health/ready')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const once = looks() - before;
  // None where the look before is still good; 200 requests may also take longer than one is good for.
  expect(once).toBeLessThan(20);
  await expect
    .poll(async () => {
      await gateway.request('/health/ready');
      return looks() - before;
    })
    .toBeGreaterThan(once);
});
