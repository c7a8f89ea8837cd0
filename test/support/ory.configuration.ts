import { ownFeatures } from '../../src/app/features.js';
import { type OryConfiguration, loadConfiguration } from '../../src/platform/config/configuration.js';

/** The configuration of a gateway whose Kratos and Hydra are one stand-in. @param url of the stand-in. */
export function oryConfigurationAt(url: string): OryConfiguration {
  const configuration = loadConfiguration(
    {
      SECRETS: 'ZmlmdHkgd2F5cyB0byBsZWF2ZSBhIHNlY3JldCBiZWg=',
      KRATOS_PUBLIC_URL: url,
      KRATOS_ADMIN_URL: url,
      HYDRA_PUBLIC_URL: url,
      HYDRA_ADMIN_URL: url,
    },
    ownFeatures,
  );
  if (configuration.AUTH_PROVIDER !== 'ory') {
    throw new TypeError('not a configuration for Ory');
  }
  return configuration;
}
