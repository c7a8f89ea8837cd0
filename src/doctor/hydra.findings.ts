import type { FindingDefinition } from './check.port.js';

const repair = 'Run `vestibule doctor --fix`, or restart the gateway: both bring it to what it must be.';

/** What can be wrong with Hydra. */
export const hydraFindings = {
  hydra_unreachable: {
    severity: 'error',
    title: 'Hydra’s public API cannot be reached, or is not ready',
    fix: 'Check `HYDRA_PUBLIC_URL`, that Hydra runs, and its database.',
  },
  hydra_admin_unreachable: {
    severity: 'error',
    title: 'Hydra’s admin API cannot be reached, or is not ready',
    fix: 'Check `HYDRA_ADMIN_URL` (port 4445 unless changed), that Hydra runs, and its database.',
  },
  hydra_version_untested: {
    severity: 'warning',
    title: 'This version of Hydra is not one that Vestibule is tested with',
    fix: 'Run Hydra 2.3.',
  },
  hydra_client_missing: {
    severity: 'error',
    title: 'A client of ours is not registered at Hydra: logins end with `invalid_client`',
    fix: repair,
    fixable: true,
  },
  hydra_client_redirect_uris: {
    severity: 'error',
    title: 'A client at Hydra has other redirect URIs than it needs',
    fix: `They follow from \`PUBLIC_URL\` and \`SPA_REDIRECT_URIS\`. ${repair}`,
    fixable: true,
  },
  hydra_client_grant_types: {
    severity: 'error',
    title: 'A client at Hydra has other grant or response types than it needs',
    fix: repair,
    fixable: true,
  },
  hydra_client_auth_method: {
    severity: 'error',
    title: 'A client at Hydra authenticates in another way than it does here',
    fix: repair,
    fixable: true,
  },
  hydra_client_secret: {
    severity: 'error',
    title: 'Hydra knows another secret of our client: every login fails at its end',
    fix: `It follows from the first of \`SECRETS\`, which every replica must share. ${repair}`,
    fixable: true,
  },
  hydra_client_audience: {
    severity: 'error',
    title: 'A client at Hydra may not ask for TOKEN_AUDIENCE',
    fix: repair,
    fixable: true,
  },
  hydra_client_scope: {
    severity: 'error',
    title: 'A client at Hydra may not ask for the scopes that it needs',
    fix: repair,
    fixable: true,
  },
  hydra_client_logout_url: {
    severity: 'error',
    title: 'Hydra tells of logouts at another address than BACKCHANNEL_LOGOUT_URL',
    fix: repair,
    fixable: true,
  },
  hydra_client_consent: {
    severity: 'error',
    title: 'Hydra asks people to consent to our own client',
    fix: repair,
    fixable: true,
  },
  service_client_unknown: {
    severity: 'warning',
    title: 'A client in SERVICE_CLIENTS is not registered at Hydra, or cannot ask for its tokens',
    fix: 'Register it with the grant type `client_credentials` and `TOKEN_AUDIENCE` among its audiences, or take it out.',
  },
  hydra_login_url: {
    severity: 'error',
    title: 'Hydra sends people elsewhere to log in',
    fix: 'Set Hydra’s `URLS_LOGIN` to `PUBLIC_URL` + `/auth/ory/login`.',
  },
  hydra_consent_url: {
    severity: 'error',
    title: 'Hydra sends people elsewhere for their consent',
    fix: 'Set Hydra’s `URLS_CONSENT` to `PUBLIC_URL` + `/auth/ory/consent`.',
  },
  hydra_logout_url: {
    severity: 'error',
    title: 'Hydra sends people elsewhere to log out',
    fix: 'Set Hydra’s `URLS_LOGOUT` to `PUBLIC_URL` + `/auth/ory/logout`.',
  },
  hydra_post_logout_url: {
    severity: 'warning',
    title: 'Hydra sends people elsewhere after a logout',
    fix: 'Set Hydra’s `URLS_POST_LOGOUT_REDIRECT` to `PUBLIC_URL` + `/`.',
  },
} as const satisfies Record<string, FindingDefinition>;
