import { error, fixableError, warning } from './finding-definition.js';

const repair = 'Run `vestibule doctor --fix`, or restart the gateway.';

/** Findings about Hydra. */
export const hydraFindings = {
  hydra_unreachable: error(
    'Hydra’s public API cannot be reached, or is not ready',
    'Check `HYDRA_PUBLIC_URL`, that Hydra runs, and its database.',
  ),
  hydra_admin_unreachable: error(
    'Hydra’s admin API cannot be reached, or is not ready',
    'Check `HYDRA_ADMIN_URL` (port 4445 unless changed), that Hydra runs, and its database.',
  ),
  hydra_version_untested: warning(
    'This version of Hydra is not one that Vestibule is tested with',
    'Run Hydra 2.3.',
  ),
  hydra_client_missing: fixableError(
    'A client of ours is not registered at Hydra: logins end with `invalid_client`',
    repair,
  ),
  hydra_client_redirect_uris: fixableError(
    'A client at Hydra has other redirect URIs than it needs',
    `They are derived from \`PUBLIC_URL\` and \`SPA_REDIRECT_URIS\`. ${repair}`,
  ),
  hydra_client_grant_types: fixableError(
    'A client at Hydra has other grant or response types than it needs',
    repair,
  ),
  hydra_client_auth_method: fixableError(
    'A client at Hydra authenticates in another way than it does here',
    repair,
  ),
  hydra_client_secret: fixableError(
    'Hydra has another secret for our client: every login fails at its end',
    `It is derived from the first of \`SECRETS\`, which every replica must share. ${repair}`,
  ),
  hydra_client_audience: fixableError('A client at Hydra may not ask for TOKEN_AUDIENCE', repair),
  hydra_client_scope: fixableError('A client at Hydra may not ask for the scopes that it needs', repair),
  hydra_client_logout_url: fixableError(
    'Hydra reports logouts to another address than BACKCHANNEL_LOGOUT_URL',
    repair,
  ),
  hydra_client_consent: fixableError('Hydra asks users to consent to our own client', repair),
  service_client_unknown: warning(
    'A client in SERVICE_CLIENTS is not registered at Hydra, or cannot ask for its tokens',
    'Register it with the grant type `client_credentials` and `TOKEN_AUDIENCE` among its audiences, or remove it.',
  ),
  hydra_login_url: error(
    'Hydra sends users elsewhere to log in',
    'Set Hydra’s `URLS_LOGIN` to `PUBLIC_URL` + `/auth/ory/login`.',
  ),
  hydra_consent_url: error(
    'Hydra sends users elsewhere for their consent',
    'Set Hydra’s `URLS_CONSENT` to `PUBLIC_URL` + `/auth/ory/consent`.',
  ),
  hydra_logout_url: error(
    'Hydra sends users elsewhere to log out',
    'Set Hydra’s `URLS_LOGOUT` to `PUBLIC_URL` + `/auth/ory/logout`.',
  ),
  hydra_post_logout_url: warning(
    'Hydra sends users elsewhere after a logout',
    'Set Hydra’s `URLS_POST_LOGOUT_REDIRECT` to `PUBLIC_URL` + `/`.',
  ),
};
