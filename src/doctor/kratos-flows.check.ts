import { z } from 'zod';
import type { OryConfiguration } from '../platform/config/configuration.js';
import type { Check, Observation } from './check.port.js';
import { type ProbeAnswer, ask, redirectTarget, shown } from './http.probe.js';

const flowSchema = z.looseObject({ ui: z.looseObject({ action: z.string() }) });
const flows = ['login', 'registration', 'recovery', 'verification'] as const;

/** Checks Kratos' responses to a browser: where it redirects, which return URLs it allows, and its cookies' attributes. */
export const kratosFlowsCheck: Check<OryConfiguration> = {
  name: 'Kratos flows',
  isCheap: true,
  run: async ({ KRATOS_PUBLIC_URL, PUBLIC_URL }) => {
    const start = `${KRATOS_PUBLIC_URL}/self-service`;
    const [returning, asData, ...pages] = await Promise.all([
      ask(`${start}/login/browser?${new URLSearchParams({ return_to: `${PUBLIC_URL}/account` })}`),
      ask(`${start}/login/browser`, { headers: { accept: 'application/json' } }),
      ...flows.map((flow) => ask(`${start}/${flow}/browser`)),
    ]);
    const found: Observation[] = flows.flatMap((flow, index) => {
      const target = pages[index] === undefined ? undefined : redirectTarget(pages[index]);
      // A flow that the operator turned off leads to the error page.
      return target === `${PUBLIC_URL}/ui/${flow}` ||
        (flow !== 'login' && target === `${PUBLIC_URL}/ui/error`)
        ? []
        : [{ code: 'kratos_ui_url', detail: `${flow}: ${target ?? 'no redirect'}` }];
    });
    const begun = new URL(String(returning.headers.location ?? PUBLIC_URL), PUBLIC_URL);
    if (!begun.searchParams.has('flow')) {
      found.push({ code: 'kratos_return_url', detail: `${PUBLIC_URL} is not allowed` });
    }
    const action = flowSchema.safeParse(asData.json).data?.ui.action;
    if (action?.startsWith(`${PUBLIC_URL}/ory/kratos/self-service/`) !== true) {
      found.push({ code: 'kratos_base_url', detail: `forms go to ${shown(action)}` });
    }
    return [...found, ...cookieTroubles(returning, new URL(PUBLIC_URL))];
  },
};

/** Finds cookies with a wrong Domain, Path (RFC 6265 sections 5.1.3 and 5.1.4) or Secure attribute. */
function cookieTroubles({ headers }: ProbeAnswer, own: URL): readonly Observation[] {
  const found: Observation[] = [];
  for (const line of headers['set-cookie'] ?? []) {
    const attributes = new Map(
      line.split(';').map((part): [string, string] => {
        const [name = '', value = ''] = part.split('=');
        return [name.trim().toLowerCase(), value.trim()];
      }),
    );
    const domain = attributes.get('domain')?.toLowerCase().replace(/^\./, '');
    if (domain !== undefined && own.hostname !== domain && !own.hostname.endsWith(`.${domain}`)) {
      found.push({ code: 'kratos_cookie_domain', detail: `${domain} instead of ${own.hostname}` });
    }
    if ((attributes.get('path') ?? '/') !== '/') {
      found.push({ code: 'kratos_cookie_path', detail: `${attributes.get('path')} instead of /` });
    }
    const isSecure = attributes.has('secure');
    if (isSecure !== (own.protocol === 'https:')) {
      found.push({ code: isSecure ? 'kratos_cookie_secure_on_http' : 'kratos_cookie_not_secure' });
    }
  }
  return found;
}
