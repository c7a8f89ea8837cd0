import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { startGateway } from '../../../../../test/support/gateway.js';

/** Modules of OpenTelemetry that this process has loaded. */
const loaded = (): string[] =>
  Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('/@opentelemetry/'));

it('nothing of OpenTelemetry is loaded unless there is a collector', async () => {
  const off = await startGateway();
  expect((await off.request('/health/live')).status).toBe(200);
  await off.stop();
  expect(loaded()).toEqual([]);
  const on = await startGateway({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
  await on.stop();
  expect(loaded().length).toBeGreaterThan(10);
});
