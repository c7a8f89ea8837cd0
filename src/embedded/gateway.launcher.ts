import type { Terminal } from '../../scripts/progress.mjs';
import type { Environment } from './binary.store.js';
import { banner } from './embedded.launcher.js';
import { GatewayLog } from './gateway.log.js';
import { gatewayProbe, readConfiguration } from './launch.plan.js';
import { assertPortIsFree } from './port.finder.js';
import { waitUntilReady } from './readiness.probe.js';
import { SupervisedChild } from './supervised.child.js';

/** What a run of the gateway alone is made from. */
export interface GatewaySetting {
  readonly environment: Environment;
  /** The gateway's program. */
  readonly program: { readonly command: string; readonly args: readonly string[] };
  readonly terminal: Terminal;
}

/**
 * Starts the gateway for a provider that runs elsewhere, with the same lines in the terminal as an embedded run. It stays up
 * while the provider can't be reached; "ready" is printed once it is.
 * @throws {LaunchError} when its settings are not valid, its port is taken, or it ends before it listens.
 */
export async function launchGateway({
  environment,
  program,
  terminal,
}: GatewaySetting): Promise<{ stop(): Promise<void> }> {
  const began = Date.now();
  const configuration = readConfiguration(environment);
  await assertPortIsFree(configuration.HOST, configuration.PORT);
  const ready = gatewayProbe({
    publicUrl: configuration.PUBLIC_URL,
    host: configuration.HOST,
    port: configuration.PORT,
  });
  const { status: _, ...listening } = { ...ready, url: ready.url.replace('/health/ready', '/health/live') };
  const log = new GatewayLog(configuration.LOG_LEVEL);
  const gateway = new SupervisedChild(
    { ...program, name: 'gateway', env: definedIn(environment), probe: listening, stopLimitMs: 10_000 },
    (source, line) => {
      const text = log.read(line);
      if (text !== undefined) {
        terminal.line(`${source} | ${text}`);
      }
    },
  );
  await gateway.start();
  const stopping = new AbortController();
  void announce(ready, stopping.signal, () =>
    terminal.line(banner(configuration.PUBLIC_URL, undefined, Date.now() - began)),
  );
  return {
    stop: async () => {
      stopping.abort();
      await gateway.stop();
    },
  };
}

async function announce(
  probe: Parameters<typeof waitUntilReady>[0],
  signal: AbortSignal,
  print: () => void,
): Promise<void> {
  if (await waitUntilReady(probe, signal)) {
    print();
  }
}

function definedIn(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
