import { z } from 'zod';

/** The last part of the path at which Hydra tells the gateway of logouts that applications are to learn of. */
const name = 'application-logout';
const parameter = 'to';

/** The route at which Hydra does. */
export const applicationLogoutRoute = `auth/${name}`;

const clientSchema = z.looseObject({ backchannel_logout_uri: z.string() });

/**
 * The address that Hydra has as an application's back-channel logout URI: the gateway's own, which contains the application's, so that no
 * program that reads the registration loses it.
 * @param gatewayUrl `BACKCHANNEL_LOGOUT_URL`, beside which that route is.
 */
export function logoutAddressAt(gatewayUrl: string, applicationUri: string): string {
  const address = new URL(name, gatewayUrl);
  address.searchParams.set(parameter, applicationUri);
  return address.href;
}

/** The application's own back-channel logout URI, as Hydra has it or inside of the gateway's. */
export function applicationLogoutUri(registered: string): string {
  const url = URL.canParse(registered) ? new URL(registered) : undefined;
  return url?.pathname.endsWith(`/${name}`) === true
    ? (url.searchParams.get(parameter) ?? registered)
    : registered;
}

/** Whether Hydra has this address for one of its clients. */
export function hasLogoutAddress(client: unknown, address: string): boolean {
  return clientSchema.safeParse(client).data?.backchannel_logout_uri === address;
}
