import { AsyncLocalStorage } from 'node:async_hooks';

/** Where an origin is reached from here: its proxy in the same network, if the public address leads nowhere. */
export interface ConnectTo {
  readonly origin: string;
  readonly hostname: string;
  readonly port: number;
}

const current = new AsyncLocalStorage<ConnectTo>();

/** Runs a look at a deployment. Requests to its origin connect to that host; their names and certificates stay the origin's. */
export function withConnectTo<T>(connectTo: ConnectTo, look: () => T): T {
  return current.run(connectTo, look);
}

/** Host and port to connect to for a URL, if they aren't its own. */
export function connectToOf(url: URL): Pick<ConnectTo, 'hostname' | 'port'> | undefined {
  const connectTo = current.getStore();
  return connectTo?.origin === url.origin
    ? { hostname: connectTo.hostname, port: connectTo.port }
    : undefined;
}
