import { z } from 'zod';
import type { OryConfiguration } from '../platform/config/configuration.js';
import type { Check, Observation } from './check.port.js';
import { ask } from './http.probe.js';

const clientSchema = z.looseObject({
  grant_types: z.array(z.string()).nullish(),
  audience: z.array(z.string()).nullish(),
});

/** Checks that the clients of SERVICE_CLIENTS exist at Hydra and can get tokens for the gateway. */
export const serviceClientsCheck: Check<OryConfiguration> = {
  name: 'service clients',
  isCheap: true,
  run: async ({ HYDRA_ADMIN_URL, SERVICE_CLIENTS, TOKEN_AUDIENCE }) => {
    const looks = SERVICE_CLIENTS.map(async ({ clientId }): Promise<readonly Observation[]> => {
      const { status, json } = await ask(`${HYDRA_ADMIN_URL}/admin/clients/${encodeURIComponent(clientId)}`);
      const { data } = clientSchema.safeParse(json);
      const lacks = [
        ...(data?.grant_types?.includes('client_credentials') === true ? [] : ['the grant type']),
        ...(data?.audience?.includes(TOKEN_AUDIENCE) === true ? [] : ['the audience']),
      ];
      return lacks.length === 0
        ? []
        : [
            {
              code: 'service_client_unknown',
              detail: status === 404 ? `${clientId} is missing` : `${clientId} lacks ${lacks.join(' and ')}`,
            },
          ];
    });
    return (await Promise.all(looks)).flat();
  },
};
