import type { FindingDefinition } from './check.port.js';

/** What can be wrong with Kratos and the first administrator in it. */
export const kratosFindings = {
  kratos_unreachable: {
    severity: 'error',
    title: 'Kratos’ public API cannot be reached, or is not ready',
    fix: 'Check `KRATOS_PUBLIC_URL`, that Kratos runs, and its database.',
  },
  kratos_admin_unreachable: {
    severity: 'error',
    title: 'Kratos’ admin API cannot be reached, or is not ready',
    fix: 'Check `KRATOS_ADMIN_URL` (port 4434 unless changed), that Kratos runs, and its database.',
  },
  kratos_version_untested: {
    severity: 'warning',
    title: 'This version of Kratos is not one that Vestibule is tested with',
    fix: 'Run Kratos 1.3.',
  },
  kratos_base_url: {
    severity: 'error',
    title: 'Kratos has forms sent elsewhere than to PUBLIC_URL',
    fix: 'Set Kratos’ `SERVE_PUBLIC_BASE_URL` to `PUBLIC_URL` + `/ory/kratos`.',
  },
  kratos_ui_url: {
    severity: 'error',
    title: 'Kratos sends people to pages that are not ours',
    fix: 'Set Kratos’ `SELFSERVICE_FLOWS_<FLOW>_UI_URL` to `PUBLIC_URL` + `/ui/<flow>`, as docker/kratos/kratos.env does.',
  },
  kratos_return_url: {
    severity: 'error',
    title: 'Kratos does not let people return to PUBLIC_URL: logins end on an error page',
    fix: 'Add `PUBLIC_URL` to Kratos’ `SELFSERVICE_ALLOWED_RETURN_URLS`.',
  },
  kratos_cookie_domain: {
    severity: 'error',
    title: 'Kratos’ cookies are for another domain: browsers drop them, and the login goes round in circles',
    fix: 'Take Kratos’ `COOKIES_DOMAIN` and `SESSION_COOKIE_DOMAIN` out, or set them to the host of `PUBLIC_URL` or a parent of it.',
  },
  kratos_cookie_path: {
    severity: 'error',
    title: 'Kratos’ cookies are not sent to every path: the login goes round in circles',
    fix: 'Set Kratos’ `COOKIES_PATH` and `SESSION_COOKIE_PATH` to `/`.',
  },
  kratos_cookie_not_secure: {
    severity: 'warning',
    title: 'Kratos’ cookies also go over plain http',
    fix: 'Start Kratos without `--dev`.',
  },
  kratos_cookie_secure_on_http: {
    severity: 'warning',
    title: 'Kratos’ cookies are for https only, but PUBLIC_URL is plain http',
    fix: 'Use https, or start Kratos with `--dev` on a developer machine: some browsers drop the cookies.',
  },
  kratos_mail_stuck: {
    severity: 'warning',
    title: 'Kratos could not send mails',
    fix: 'Check Kratos’ `COURIER_SMTP_CONNECTION_URI` and its log; the courier must run (`--watch-courier`).',
  },
  administrator_incomplete: {
    severity: 'warning',
    title: 'No administrator is made: only one of ADMIN_EMAIL and ADMIN_PASSWORD is set',
    fix: 'Set both, and restart the gateway; or `ADMIN_EMAIL` alone, and sign up with that address.',
  },
  administrator_missing: {
    severity: 'warning',
    title: 'The account of ADMIN_EMAIL does not exist',
    fix: 'Where there has been no administrator, restart the gateway: it makes the account once Kratos is there, or its log says why not. Where there has been one, it makes none again: take `ADMIN_EMAIL` out.',
  },
  administrator_ordinary: {
    severity: 'warning',
    title:
      'The account of ADMIN_EMAIL is an ordinary one: a user registered with this address, or the role was taken away',
    fix: 'Where there has been no administrator, verify that address and log in. Else `vestibule users promote`, or take `ADMIN_EMAIL` out.',
  },
  administrator_disabled: {
    severity: 'error',
    title: 'The administrator is disabled',
    fix: 'Set the identity’s state to `active` at Kratos’ admin API, or name another address in `ADMIN_EMAIL`.',
  },
  administrator_password_differs: {
    severity: 'warning',
    title: 'ADMIN_PASSWORD does not log the administrator in: it counts only when the account is made',
    fix: 'If the password was changed since, take `ADMIN_PASSWORD` out. Else set a new one by the recovery page.',
  },
} as const satisfies Record<string, FindingDefinition>;
