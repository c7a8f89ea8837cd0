import { z } from 'zod';
import type { Configuration } from '../platform/config/configuration.js';
import type { Check, Observation } from './check.port.js';
import { NoAnswerError, ask } from './http.probe.js';
import { reachSchema } from './reach-answer.js';
import { makeProof, proofHeader } from './reach-proof.js';

const liveSchema = z.looseObject({ status: z.literal('ok') });

/** Checks that the gateway answers at PUBLIC_URL, and that proxies in front of it forward requests correctly. */
export const gatewayCheck: Check = {
  name: 'gateway',
  isCheap: false,
  run: async (configuration) => {
    const { PUBLIC_URL, SECRETS } = configuration;
    const [secret = new Uint8Array()] = SECRETS;
    try {
      const live = await ask(`${PUBLIC_URL}/health/live`, { anyCertificate: true });
      if (live.status !== 200 || !liveSchema.safeParse(live.json).success) {
        return [{ code: 'gateway_wrong_answer', detail: `/health/live answers ${live.status}` }];
      }
      const answer = await ask(`${PUBLIC_URL}/health/reach`, {
        anyCertificate: true,
        headers: { [proofHeader]: makeProof(secret, Date.now()) },
      });
      const { data: reach } = reachSchema.safeParse(answer.json);
      return reach === undefined
        ? [{ code: 'gateway_other_secrets', detail: `/health/reach answers ${answer.status}` }]
        : describe(reach, configuration);
    } catch (error) {
      if (error instanceof NoAnswerError) {
        return [{ code: 'gateway_unreachable', detail: error.message, unreachable: error.origin }];
      }
      throw error;
    }
  },
};

function describe(
  reach: z.output<typeof reachSchema>,
  { PUBLIC_URL, TRUST_PROXY }: Configuration,
): readonly Observation[] {
  const found: Observation[] = [];
  if (!reach.host) {
    found.push({ code: 'proxy_host_changed' });
  }
  const isHttps = PUBLIC_URL.startsWith('https:');
  if (!reach.forwardedProto && (isHttps || reach.forwardedFor)) {
    found.push({ code: 'proxy_proto_missing' });
  }
  // For an https URL, an empty list is a separate finding.
  if (reach.forwardedFor && !reach.trusted && (!isHttps || TRUST_PROXY.length > 0)) {
    found.push({ code: 'proxy_not_trusted' });
  }
  return found;
}
