import type { FindingDefinition } from './check.port.js';

/** What can be wrong with the database, Redis, mail, and a provider that isn't ours. */
export const resourceFindings = {
  database_unreachable: {
    severity: 'error',
    title: 'The database cannot be reached',
    fix: 'Check `DATABASE_URL`: host, port, user, password, name of the database; and that the server runs.',
  },
  database_schema_outdated: {
    severity: 'error',
    title: 'The schema of the database is older than this version',
    fix: 'Start the gateway of this version, or `vestibule doctor --fix`: both migrate it.',
    fixable: true,
  },
  database_schema_newer: {
    severity: 'error',
    title: 'The schema of the database is newer than this version',
    fix: 'Run the version that made it or a newer one, or restore a backup.',
  },
  postgres_version_unsupported: {
    severity: 'warning',
    title: 'This version of PostgreSQL is no longer maintained',
    fix: 'Run PostgreSQL 14 or newer.',
  },
  sqlite_with_replicas: {
    severity: 'warning',
    title: 'REDIS_URL speaks of several replicas, but the database is SQLite',
    fix: 'Set `DATABASE_URL` to a PostgreSQL that all replicas share; a single process needs no Redis.',
  },
  redis_unreachable: {
    severity: 'error',
    title: 'Redis cannot be reached',
    fix: 'Check `REDIS_URL`: host, port, password, `rediss://` for TLS; and that the server runs. Until then logouts reach other replicas later.',
  },
  redis_version_unsupported: {
    severity: 'warning',
    title: 'This version of Redis is too old',
    fix: 'Run Redis 6.2, Valkey 7.2 or newer.',
  },
  smtp_unreachable: {
    severity: 'error',
    title: 'The mail server cannot be reached',
    fix: 'Check host and port of `SMTP_URL` (465 for `smtps://`, 587 for `smtp://`), and the firewall.',
  },
  smtp_tls_failed: {
    severity: 'error',
    title: 'The mail server has no TLS that can be trusted',
    fix: 'Use `smtps://` for a port that begins with TLS and `smtp://` for STARTTLS; give the server a valid certificate.',
  },
  smtp_login_refused: {
    severity: 'error',
    title: 'The mail server refuses user or password',
    fix: 'Correct them in `SMTP_URL`, percent-encoded.',
  },
  smtp_without_tls: {
    severity: 'warning',
    title: 'Mail leaves this machine without TLS',
    fix: 'Take `disable_starttls=true` out of `SMTP_URL`: codes and links can be read on the way.',
  },
  smtp_certificate_unchecked: {
    severity: 'warning',
    title: 'The certificate of the mail server is not checked',
    fix: 'Take `skip_ssl_verify=true` out of `SMTP_URL`; a private authority goes into `NODE_EXTRA_CA_CERTS`.',
  },
  provider_unreachable: {
    severity: 'error',
    title: 'The OpenID provider cannot be discovered',
    fix: 'Check `OIDC_ISSUER` or `AUTH0_DOMAIN`: `<issuer>/.well-known/openid-configuration` must answer from here.',
  },
  provider_metadata_incomplete: {
    severity: 'error',
    title: 'The provider does not say where logins go: its metadata lacks an endpoint or its keys',
    fix: 'The detail names what is missing. Use a provider with the authorization code flow and a published key set; check that `OIDC_ISSUER` is its issuer.',
  },
  provider_client_refused: {
    severity: 'error',
    title: 'The provider refuses our client id or secret',
    fix: 'Copy both again from the provider; its application must be a confidential web application.',
  },
  provider_redirect_uri_refused: {
    severity: 'error',
    title: 'The provider does not take our redirect URI',
    fix: 'Register `PUBLIC_URL` + `/auth/callback` there, letter by letter.',
  },
  issuer_mismatch: {
    severity: 'error',
    title: 'The provider calls itself by another issuer than is expected',
    fix: 'Ory: set Hydra’s `URLS_SELF_ISSUER` to `PUBLIC_URL` + `/ory/hydra`. Else copy `issuer` from the discovery document into `OIDC_ISSUER`, letter by letter.',
  },
  authorization_endpoint_mismatch: {
    severity: 'error',
    title: 'Browsers are sent to Hydra by an address that is not on PUBLIC_URL',
    fix: 'Set Hydra’s `URLS_SELF_PUBLIC` to `PUBLIC_URL` + `/ory/hydra`.',
  },
  administrator_none: {
    severity: 'warning',
    title: 'No user administers the deployment',
    fix: 'Set `ADMIN_EMAIL`, restart the gateway, and log in with that address once the login provider has verified it: that counts where there has been none. Else, or without it: `vestibule users promote <address>`.',
  },
} as const satisfies Record<string, FindingDefinition>;
