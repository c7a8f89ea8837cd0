import { error, warning } from './finding-definition.js';

/** Findings about Kratos and the first administrator in it. */
export const kratosFindings = {
  kratos_unreachable: error(
    'Kratos’ public API cannot be reached, or is not ready',
    'Check `KRATOS_PUBLIC_URL`, that Kratos runs, and its database.',
  ),
  kratos_admin_unreachable: error(
    'Kratos’ admin API cannot be reached, or is not ready',
    'Check `KRATOS_ADMIN_URL` (port 4434 unless changed), that Kratos runs, and its database.',
  ),
  kratos_version_untested: warning(
    'This version of Kratos is not one that Vestibule is tested with',
    'Run Kratos 1.3.',
  ),
  kratos_base_url: error(
    'Kratos’ forms are not sent to PUBLIC_URL',
    'Set Kratos’ `SERVE_PUBLIC_BASE_URL` to `PUBLIC_URL` + `/ory/kratos`.',
  ),
  kratos_ui_url: error(
    'Kratos sends users to pages that are not ours',
    'Set Kratos’ `SELFSERVICE_FLOWS_<FLOW>_UI_URL` to `PUBLIC_URL` + `/ui/<flow>`, as docker/kratos/kratos.env does.',
  ),
  kratos_return_url: error(
    'Kratos does not let users return to PUBLIC_URL: logins end on an error page',
    'Add `PUBLIC_URL` to Kratos’ `SELFSERVICE_ALLOWED_RETURN_URLS`.',
  ),
  kratos_sessions_untold: warning(
    'Kratos does not tell the gateway whose session a browser has: for an account without a password, guesses of the second factor count by session and network only',
    'Set Kratos’ `OAUTH2_PROVIDER_URL` to the gateway’s address as Kratos reaches it + `/auth/ory/session-question`, as docker/kratos/kratos.env does.',
  ),
  kratos_cookie_domain: error(
    'Kratos’ cookies are for another domain: browsers drop them, and logins loop',
    'Remove Kratos’ `COOKIES_DOMAIN` and `SESSION_COOKIE_DOMAIN`, or set them to the host of `PUBLIC_URL` or a parent domain.',
  ),
  kratos_cookie_path: error(
    'Kratos’ cookies are not sent to every path: logins loop',
    'Set Kratos’ `COOKIES_PATH` and `SESSION_COOKIE_PATH` to `/`.',
  ),
  kratos_cookie_not_secure: warning(
    'Kratos’ cookies also go over plain http',
    'Start Kratos without `--dev`.',
  ),
  kratos_cookie_secure_on_http: warning(
    'Kratos’ cookies are for https only, but PUBLIC_URL is plain http',
    'Use https, or start Kratos with `--dev` on a developer machine: some browsers drop the cookies.',
  ),
  kratos_mail_stuck: warning(
    'Kratos could not send mails',
    'Check Kratos’ `COURIER_SMTP_CONNECTION_URI` and its log; the courier must run (`--watch-courier`).',
  ),
  identifier_refused: warning(
    'Users have an e-mail address with blanks, invisible characters or quotes: they can no longer log in by it',
    'Begin a recovery for each (`POST /api/v1/users/{id}/recovery`), in which they choose another address, or change it at Kratos’ admin API.',
  ),
  administrator_incomplete: warning(
    'No administrator is created: only one of ADMIN_EMAIL and ADMIN_PASSWORD is set',
    'Set both and restart the gateway, or set only `ADMIN_EMAIL` and sign up with that address.',
  ),
  administrator_missing: warning(
    'The account of ADMIN_EMAIL does not exist',
    'If the deployment has never had an administrator, restart the gateway: it creates the account once Kratos is available, or its log states why not. Otherwise remove `ADMIN_EMAIL`.',
  ),
  administrator_ordinary: warning(
    'The account of ADMIN_EMAIL is not an administrator: a user registered with this address, or the role was removed',
    'If the deployment has never had an administrator, verify that address and log in. Otherwise run `vestibule users promote`, or remove `ADMIN_EMAIL`.',
  ),
  administrator_disabled: error(
    'The administrator is disabled',
    'Set the identity’s state to `active` at Kratos’ admin API, or name another address in `ADMIN_EMAIL`.',
  ),
  administrator_password_differs: warning(
    'ADMIN_PASSWORD does not log the administrator in: it is used only when the account is created',
    'If the password was changed since, remove `ADMIN_PASSWORD`. Otherwise set a new one on the recovery page.',
  ),
};
