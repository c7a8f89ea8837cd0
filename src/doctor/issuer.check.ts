import { z } from 'zod';
import type { OryConfiguration } from '../platform/config/configuration.js';
import type { Check, Observation } from './check.port.js';
import { ask, shown } from './http.probe.js';

const discoverySchema = z.looseObject({
  issuer: z.string().optional(),
  authorization_endpoint: z.string().optional(),
});

/** Checks that Hydra's issuer is the one our token checks expect, and that browsers reach Hydra through the gateway. */
export const issuerCheck: Check<OryConfiguration> = {
  name: 'issuer',
  isCheap: true,
  run: async ({ HYDRA_PUBLIC_URL, PUBLIC_URL }) => {
    const { json } = await ask(`${HYDRA_PUBLIC_URL}/.well-known/openid-configuration`);
    const { data } = discoverySchema.safeParse(json);
    const wanted = { issuer: `${PUBLIC_URL}/ory/hydra`, endpoint: `${PUBLIC_URL}/ory/hydra/oauth2/auth` };
    const found: Observation[] = [];
    if (data?.issuer !== wanted.issuer) {
      found.push({ code: 'issuer_mismatch', detail: `${shown(data?.issuer)} instead of ${wanted.issuer}` });
    }
    if (data?.authorization_endpoint !== wanted.endpoint) {
      const detail = `${shown(data?.authorization_endpoint)} instead of ${wanted.endpoint}`;
      found.push({ code: 'authorization_endpoint_mismatch', detail });
    }
    return found;
  },
};
