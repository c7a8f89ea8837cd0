import { z } from 'zod';
import type { OryConfiguration } from '../platform/config/configuration.js';
import { oryRelease } from '../platform/config/ory-release.js';
import { serviceAddress } from '../platform/core/service-address.js';
import type { Check, Observation } from './check.port.js';
import type { FindingCode } from './finding.catalogue.js';
import { NoAnswerError, ask } from './http.probe.js';

const versionSchema = z.looseObject({ version: z.string() });

interface Server {
  readonly health: string;
  readonly silent: FindingCode;
  /** URL that returns its version, a pattern of the tested versions, and the finding for any other. */
  readonly version?: { readonly url: string; readonly tested: RegExp; readonly untested: FindingCode };
}

/** Checks that Kratos and Hydra answer on both of their ports, and are tested versions. */
export const oryServerCheck: Check<OryConfiguration> = {
  name: 'Ory servers',
  isCheap: true,
  run: async (configuration) => (await Promise.all(serversOf(configuration).map(look))).flat(),
};

function serversOf(configuration: OryConfiguration): readonly Server[] {
  const { HYDRA_ADMIN_URL, HYDRA_PUBLIC_URL, KRATOS_ADMIN_URL, KRATOS_PUBLIC_URL } = configuration;
  return [
    { health: `${KRATOS_PUBLIC_URL}/health/ready`, silent: 'kratos_unreachable' },
    {
      health: `${KRATOS_ADMIN_URL}/admin/health/ready`,
      silent: 'kratos_admin_unreachable',
      version: {
        url: `${KRATOS_ADMIN_URL}/admin/version`,
        tested: /^v?1\.3\./,
        untested: 'kratos_version_untested',
      },
    },
    { health: `${HYDRA_PUBLIC_URL}/health/ready`, silent: 'hydra_unreachable' },
    {
      health: `${HYDRA_ADMIN_URL}/health/ready`,
      silent: 'hydra_admin_unreachable',
      version: { url: `${HYDRA_ADMIN_URL}/version`, tested: /^v?2\.3\./, untested: 'hydra_version_untested' },
    },
  ];
}

async function look({ health, silent, version }: Server): Promise<readonly Observation[]> {
  const { url, socketPath, origin } = serviceAddress(health);
  const host = socketPath ?? url.host;
  try {
    const { status } = await ask(health);
    if (status !== 200) {
      return [{ code: silent, detail: `${host} answers ${status}`, unreachable: origin }];
    }
    if (version === undefined) {
      return [];
    }
    const { data } = versionSchema.safeParse((await ask(version.url)).json);
    return version.tested.test(data?.version ?? '')
      ? []
      : [
          {
            code: version.untested,
            detail: describeVersion(/^[\w.+-]{1,40}$/.exec(data?.version ?? '')?.[0]),
          },
        ];
  } catch (error) {
    if (error instanceof NoAnswerError) {
      return [{ code: silent, detail: `${host}: ${error.message}`, unreachable: origin }];
    }
    throw error;
  }
}

function describeVersion(version: string | undefined): string {
  const release = oryRelease(version);
  const known =
    release === undefined ? '' : `: ${release} (docs/operations.md, "Versions of Kratos and Hydra")`;
  return `it says ${version ?? 'nothing'}${known}`;
}
