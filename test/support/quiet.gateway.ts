import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { waitUntil } from './stack.js';

/** A gateway as a process of its own, whose provider nobody needs. */
export interface QuietGateway {
  readonly url: string;
  /** Of its origin, as the Host header has it. */
  readonly host: string;
  pid(): number;
  stop(): Promise<void>;
}

/** The built program with one more route, `/dear`, that keeps the process busy for two milliseconds. */
const withDearRoute = `
  const { createApp } = await import(${JSON.stringify(new URL('../../dist/app/app-setup.js', import.meta.url).href)});
  const { loadConfiguration } = await import(${JSON.stringify(new URL('../../dist/platform/config/configuration.js', import.meta.url).href)});
  const { ownFeatures } = await import(${JSON.stringify(new URL('../../dist/app/features.js', import.meta.url).href)});
  const configuration = loadConfiguration(process.env, ownFeatures);
  const app = await createApp(configuration);
  app.getHttpAdapter().getInstance().get('/dear', async () => {
    const end = performance.now() + 2;
    while (performance.now() < end);
    return 'done';
  });
  await app.listen(configuration.PORT, configuration.HOST);
`;

/** Starts it; resolves when it is alive. */
export async function startQuietGateway(env: Readonly<Record<string, string>>): Promise<QuietGateway> {
  const [port = 0] = await findFreePorts(1);
  const host = `localhost:${port}`;
  const url = `http://${host}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', withDearRoute], {
    env: { PATH: process.env['PATH'] ?? '', ...env, PUBLIC_URL: url, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await waitUntil(
    async () =>
      fetch(`${url}/health/live`).then(
        ({ ok }) => ok,
        () => false,
      ),
    'the gateway process to be alive',
    60_000,
  );
  return {
    url,
    host,
    pid: () => child.pid ?? 0,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    },
  };
}
