import { z } from 'zod';
import type { OryConfiguration } from '../platform/config/configuration.js';
import { gatewayClientId, gatewayClientSecret, ownClients } from '../providers/ory/hydra/hydra-clients.js';
import type { Check, Observation } from './check.port.js';
import type { FindingCode } from './finding.catalogue.js';
import { ask } from './http.probe.js';

const list = z
  .array(z.string())
  .nullish()
  .transform((entries) => entries ?? []);

const clientSchema = z.looseObject({
  redirect_uris: list,
  post_logout_redirect_uris: list,
  grant_types: list,
  response_types: list,
  audience: list,
  scope: z.string().nullish(),
  token_endpoint_auth_method: z.string().nullish(),
  backchannel_logout_uri: z.string().nullish(),
  backchannel_logout_session_required: z.boolean().nullish(),
  skip_consent: z.boolean().nullish(),
  skip_logout_consent: z.boolean().nullish(),
});

type Registered = z.output<typeof clientSchema>;

/** Findings, and the settings of a client that each one covers. */
const settings = [
  ['hydra_client_redirect_uris', ['redirect_uris', 'post_logout_redirect_uris']],
  ['hydra_client_grant_types', ['grant_types', 'response_types']],
  ['hydra_client_auth_method', ['token_endpoint_auth_method']],
  ['hydra_client_audience', ['audience']],
  ['hydra_client_scope', ['scope']],
  ['hydra_client_logout_url', ['backchannel_logout_uri', 'backchannel_logout_session_required']],
  ['hydra_client_consent', ['skip_consent', 'skip_logout_consent']],
] as const satisfies readonly (readonly [FindingCode, readonly (keyof Registered)[]])[];

const errorSchema = z.looseObject({ error: z.string().optional() });

/** Checks that Vestibule's clients at Hydra are as the bootstrap registers them. */
export const hydraClientsCheck: Check<OryConfiguration> = {
  name: 'Hydra clients',
  isCheap: true,
  run: async (configuration) => {
    const looks = ownClients(configuration).map((wanted) => look(wanted, configuration));
    return (await Promise.all(looks)).flat();
  },
};

async function look(
  wanted: ReturnType<typeof ownClients>[number],
  configuration: OryConfiguration,
): Promise<readonly Observation[]> {
  const detail = wanted.client_id;
  const { status, json } = await ask(`${configuration.HYDRA_ADMIN_URL}/admin/clients/${wanted.client_id}`);
  if (status === 404) {
    return [{ code: 'hydra_client_missing', detail }];
  }
  const { data: registered } = clientSchema.safeParse(json);
  if (status !== 200 || registered === undefined) {
    return [{ code: 'check_incomplete', detail: `${detail}: Hydra answers ${status}` }];
  }
  const should = clientSchema.parse(wanted);
  const found: Observation[] = settings
    .filter(([, names]) => names.some((name) => comparable(registered[name]) !== comparable(should[name])))
    .map(([code]) => ({ code, detail }));
  const canLogIn = !found.some(({ code }) => code === 'hydra_client_auth_method');
  if (wanted.client_id === gatewayClientId && canLogIn && !(await knowsSecret(configuration))) {
    found.push({ code: 'hydra_client_secret', detail });
  }
  return found;
}

/** Whether Hydra accepts the gateway's client secret. The code is made up: Hydra checks the secret first. */
async function knowsSecret(configuration: OryConfiguration): Promise<boolean> {
  const { HYDRA_PUBLIC_URL, PUBLIC_URL } = configuration;
  const credential = Buffer.from(`${gatewayClientId}:${gatewayClientSecret(configuration)}`).toString(
    'base64',
  );
  const { json } = await ask(`${HYDRA_PUBLIC_URL}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${credential}` },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: 'asked-by-the-doctor',
      redirect_uri: `${PUBLIC_URL}/auth/callback`,
    }),
  });
  return errorSchema.safeParse(json).data?.error !== 'invalid_client';
}

/** A setting as comparable text: the order of a list doesn't matter, and an unset value counts as `false`. */
function comparable(value: string | boolean | readonly string[] | null | undefined): string {
  if (typeof value === 'string') {
    return value.split(' ').sort().join(' ');
  }
  return typeof value === 'object' && value !== null ? [...value].sort().join(' ') : String(value ?? false);
}
