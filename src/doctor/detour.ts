import { AsyncLocalStorage } from 'node:async_hooks';

/** Where an origin is reached from here: its proxy in the same network, if the public address leads nowhere. */
export interface Detour {
  readonly origin: string;
  readonly hostname: string;
  readonly port: number;
}

const current = new AsyncLocalStorage<Detour>();

/** Runs a look at a deployment. Requests to the detour's origin connect to its host; their names and certificates stay the origin's. */
export function withDetour<T>(detour: Detour, look: () => T): T {
  return current.run(detour, look);
}

/** Host and port to connect to for a URL, if they aren't its own. */
export function detourOf(url: URL): Pick<Detour, 'hostname' | 'port'> | undefined {
  const detour = current.getStore();
  return detour?.origin === url.origin ? { hostname: detour.hostname, port: detour.port } : undefined;
}
