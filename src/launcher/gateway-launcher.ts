import { type LaunchSetting, banner } from './embedded-launcher.js';
import { definedOnly } from './env-template.js';
import { GatewayLog } from './gateway-log.js';
import { gatewayProbe, readConfiguration } from './launch-plan.js';
import { assertPortIsFree } from './port-finder.js';
import { waitUntilReady } from './readiness.probe.js';
import { SupervisedChild } from './supervised-child.js';

/**
 * Starts the gateway for a provider that runs elsewhere, with the same terminal output as an embedded run. The gateway stays up
 * while the provider can't be reached. "ready" is printed once the gateway is ready.
 * @throws {LaunchError} if its settings are invalid, its port is in use, or it ends before it listens.
 */
export async function launchGateway({
  environment,
  gateway: program,
  progress: terminal,
}: LaunchSetting): Promise<{ stop(): Promise<void> }> {
  const { HOST, LOG_LEVEL, PORT, PUBLIC_URL } = readConfiguration(environment);
  await assertPortIsFree(HOST, PORT);
  const ready = gatewayProbe({ publicUrl: PUBLIC_URL, host: HOST, port: PORT });
  const { status: _, ...listening } = { ...ready, url: ready.url.replace('/health/ready', '/health/live') };
  const log = new GatewayLog(LOG_LEVEL);
  const gateway = new SupervisedChild(
    { ...program, name: 'gateway', env: definedOnly(environment), probe: listening, stopLimitMs: 10_000 },
    (source, line) => {
      const text = log.read(line);
      if (text !== undefined) {
        terminal.line(`${source} | ${text}`);
      }
    },
  );
  await gateway.start();
  const stopping = new AbortController();
  const announce = async (): Promise<void> => {
    if (await waitUntilReady(ready, stopping.signal)) {
      terminal.line(banner(PUBLIC_URL, undefined, performance.now()));
    }
  };
  void announce();
  return {
    stop: async () => {
      stopping.abort();
      await gateway.stop();
    },
  };
}
