import { ScopedValue } from './scoped-value.js';

/** Where an origin is reached from here: its proxy in the same network, if the public address leads nowhere. */
export interface ConnectTo {
  readonly origin: string;
  readonly hostname: string;
  readonly port: number;
}

const current = new ScopedValue<ConnectTo>();

/** Runs a look at a deployment. Requests to its origin connect to that host; their names and certificates stay the origin's. */
export async function withConnectTo<T>(connectTo: ConnectTo, look: () => Promise<T>): Promise<T> {
  return current.run(connectTo, look);
}

/** Host and port to connect to for a URL, if they aren't its own. */
export function connectToOf(url: URL): Pick<ConnectTo, 'hostname' | 'port'> | undefined {
  const connectTo = current.get();
  return connectTo?.origin === url.origin
    ? { hostname: connectTo.hostname, port: connectTo.port }
    : undefined;
}
