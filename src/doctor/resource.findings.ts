import { error, fixableError, warning } from './finding-definition.js';

/** Findings about the database, Redis, mail, and a provider other than Ory. */
export const resourceFindings = {
  database_unreachable: error(
    'The database cannot be reached',
    'Check `DATABASE_URL` (host, port, user, password, name of the database), and that the server runs.',
  ),
  database_schema_outdated: fixableError(
    'The schema of the database is older than this version',
    'Start the gateway of this version, or `vestibule doctor --fix`: both migrate it.',
  ),
  database_schema_newer: error(
    'The schema of the database is newer than this version',
    'Run the version that made it or a newer one, or restore a backup.',
  ),
  postgres_version_unsupported: warning(
    'This version of PostgreSQL is no longer maintained',
    'Run PostgreSQL 14 or newer.',
  ),
  sqlite_with_replicas: warning(
    'REDIS_URL suggests several replicas, but the database is SQLite',
    'Set `DATABASE_URL` to a PostgreSQL that all replicas share; a single process needs no Redis.',
  ),
  redis_unreachable: error(
    'Redis cannot be reached',
    'Check `REDIS_URL` (host, port, password, `rediss://` for TLS), and that the server runs. Meanwhile, logouts reach other replicas later.',
  ),
  redis_version_unsupported: warning(
    'This version of Redis is too old',
    'Run Redis 6.2 or Valkey 7.2, or newer.',
  ),
  smtp_unreachable: error(
    'The mail server cannot be reached',
    'Check host and port of `SMTP_URL` (465 for `smtps://`, 587 for `smtp://`), and the firewall.',
  ),
  smtp_tls_failed: error(
    'The mail server has no TLS that can be trusted',
    'Use `smtps://` for a TLS port and `smtp://` for STARTTLS. Give the server a valid certificate.',
  ),
  smtp_login_refused: error(
    'The mail server refuses user or password',
    'Correct them in `SMTP_URL`; both are percent-encoded.',
  ),
  smtp_without_tls: warning(
    'Mail leaves this machine without TLS',
    'Remove `disable_starttls=true` from `SMTP_URL`. Otherwise codes and links can be read on the way.',
  ),
  smtp_certificate_unchecked: warning(
    'The certificate of the mail server is not checked',
    'Remove `skip_ssl_verify=true` from `SMTP_URL`. Put a private authority into `NODE_EXTRA_CA_CERTS`.',
  ),
  provider_unreachable: error(
    'The OpenID provider cannot be discovered',
    'Check `OIDC_ISSUER` or `AUTH0_DOMAIN`: `<issuer>/.well-known/openid-configuration` must answer from here.',
  ),
  provider_metadata_incomplete: error(
    'The provider’s metadata lacks an endpoint or its keys',
    'The detail names what is missing. Use a provider with the authorization code flow and a published key set; check that `OIDC_ISSUER` is its issuer.',
  ),
  provider_client_refused: error(
    'The provider refuses our client id or secret',
    'Copy both again from the provider; its application must be a confidential web application.',
  ),
  provider_redirect_uri_refused: error(
    'The provider does not accept our redirect URI',
    'Register exactly `PUBLIC_URL` + `/auth/callback` there.',
  ),
  issuer_mismatch: error(
    'The provider’s issuer is not the expected one',
    'With Ory, set Hydra’s `URLS_SELF_ISSUER` to `PUBLIC_URL` + `/ory/hydra`. Otherwise copy `issuer` from the discovery document exactly into `OIDC_ISSUER`.',
  ),
  authorization_endpoint_mismatch: error(
    'Browsers are sent to Hydra at an address outside PUBLIC_URL',
    'Set Hydra’s `URLS_SELF_PUBLIC` to `PUBLIC_URL` + `/ory/hydra`.',
  ),
  administrator_none: warning(
    'No user is an administrator of the deployment',
    'Run `vestibule users promote <address>`. If the deployment has never had an administrator, you can also set `ADMIN_EMAIL`, restart the gateway, and log in with that address, verified by the login provider.',
  ),
};
