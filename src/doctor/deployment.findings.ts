import { error, warning } from './finding-definition.js';

/** Findings about the environment, and about the path from a browser to the gateway. */
export const deploymentFindings = {
  configuration_invalid: error(
    'The environment is not valid: the gateway does not start with it',
    'Correct the variable as docs/configuration.md describes.',
  ),
  setting_misspelled: warning(
    'A variable is spelled almost like a setting, and is ignored',
    'Correct its name, or remove it if it means something else.',
  ),
  embedded_not_running: error(
    'No deployment runs on this data folder',
    'Run `npm start`, or set `DATA_DIR` to the folder of the running copy, or set the variables of your deployment.',
  ),
  repair_refused: error(
    'Nothing was repaired: the gateway at PUBLIC_URL did not prove that it is this deployment',
    'Run it with the environment of the running gateway (`PUBLIC_URL`, `SECRETS`).',
  ),
  check_incomplete: warning(
    'A check could not be completed',
    'See the other findings. If there are none, the checked service is slow: run the doctor again, or with `--timeout 60`.',
  ),
  node_version_unsupported: error('This version of Node is too old', 'Run Node 20.19 or newer.'),
  gateway_unreachable: error(
    'Nothing answers at PUBLIC_URL',
    'Start the gateway and the proxy in front; check name resolution, port and firewall. If the public address can’t be reached from this network, run the doctor where browsers are.',
  ),
  gateway_wrong_answer: error(
    'Something else answers at PUBLIC_URL',
    'Let the proxy pass every path on to the gateway; compare its target with `HOST` and `PORT`.',
  ),
  gateway_other_secrets: error(
    'The gateway at PUBLIC_URL belongs to another deployment',
    'Give every replica, and this command, the same `SECRETS` and the same version; check that the clocks agree.',
  ),
  proxy_host_changed: error(
    'A proxy changes the Host header: every page is answered with 421',
    'Let the proxy keep it (nginx: `proxy_set_header Host $http_host`), or send `X-Forwarded-Host` and list the proxy in `TRUST_PROXY`.',
  ),
  proxy_proto_missing: warning(
    'A proxy does not send X-Forwarded-Proto',
    'Send it (nginx: `proxy_set_header X-Forwarded-Proto $scheme`). Without it, the gateway and applications see plain http.',
  ),
  proxy_not_trusted: warning(
    'A proxy in front is not in TRUST_PROXY: all clients share its address',
    'Add the address that the proxy connects from to `TRUST_PROXY`. Otherwise rate limits and the audit trail see only that address.',
  ),
  trust_proxy_missing: warning(
    'PUBLIC_URL is https, so a proxy is in front, but TRUST_PROXY is empty',
    'Set `TRUST_PROXY` to the addresses of the proxies. Otherwise rate limits and the audit trail see only those addresses.',
  ),
  trust_proxy_everybody: warning(
    'TRUST_PROXY trusts every address: callers can forge their own',
    'List only the proxies.',
  ),
  ory_telemetry_on: warning(
    "Ory's telemetry is not turned off in this settings file",
    'Set `sqa-opt-out: true` in kratos.yml, `opt_out: true` under `sqa` in hydra.yml, or `SQA_OPT_OUT=true` in their environment.',
  ),
  certificate_expired: error(
    'The certificate of PUBLIC_URL is not valid now',
    'Renew it, and have the proxy load it again.',
  ),
  certificate_expires_soon: warning(
    'The certificate of PUBLIC_URL expires within 14 days',
    'Renew it, and check why it was not renewed automatically.',
  ),
  certificate_wrong_host: error(
    'The certificate is not for the host of PUBLIC_URL',
    'Get one for this name, or correct `PUBLIC_URL`.',
  ),
  certificate_untrusted: error(
    'The certificate of PUBLIC_URL is signed by an unknown authority',
    'Serve the whole chain; for a private authority set `NODE_EXTRA_CA_CERTS` here and install it in browsers.',
  ),
  clock_skew: error(
    'Clocks differ by more than 30 seconds',
    'Run NTP on every machine. Otherwise tokens and logins are refused as not yet valid, or as expired.',
  ),
  rule_org_unknown: warning(
    'A rule names an organisation that does not exist: nobody gets in by it',
    'Correct the rule. Name the organisation by its id, which never changes.',
  ),
  rights_from_traits: warning(
    'CLAIMS_MAP copies a claim that names rights from Kratos’ traits, which users write themselves',
    'Map no trait that gives rights: state them by a ClaimsEnricher, by organisations, or by the groups of a company login.',
  ),
  org_name_reserved: warning(
    'Organisations have reserved names that no administrator gave: no `groups` have them',
    'Give such an organisation another short name, or confirm the one that it has, as an administrator: `PATCH /api/v1/orgs/:id` with that `slug`. Until then, see that no program believes `X-Auth-Org` or `orgs` of it.',
  ),
  application_unreadable: error(
    'An application’s client at Hydra was changed there, so that nobody knows whom it admits: it admits no user',
    'Restore the client’s `metadata` at Hydra; or delete the client there, and register the application again.',
  ),
  application_groups_all: warning(
    'An application gets the names of all organisations in `groups`: anyone can make one',
    'Choose its organisations on its page, or name them by id (`vestibule applications change ID --groups-as id`).',
  ),
  application_without_pkce: warning(
    'An application may log users in without PKCE',
    'If the program can send PKCE by now, require it: on the application’s page, or by `vestibule applications change ID --code-protection pkce`. If it can’t, leave it so: this warning stays.',
  ),
  api_key_unbound: warning(
    'API keys may have been made in sessions of an organisation’s connection, before that was recorded: they go on when it no longer vouches',
    'Revoke them (`DELETE /api/v1/users/:id/api-keys/:keyId`, or on the user’s page), and have their users make new ones.',
  ),
  demo_in_production: warning('The example application is served', 'Remove `DEMO`, or set it to `false`.'),
  rate_limit_off: warning(
    'Guessing passwords is not limited',
    'Remove `RATE_LIMIT=false`. Put addresses that must not be limited into `RATE_LIMIT_ALLOW`.',
  ),
  allowed_origin_insecure: warning(
    'An origin in ALLOWED_ORIGINS is plain http',
    'Remove it or serve it over https. Otherwise anyone on the network path can send requests in users’ names.',
  ),
  spa_redirect_insecure: error(
    'A redirect URI in SPA_REDIRECT_URIS is plain http',
    'Serve the application over https: Hydra accepts plain http only for loopback addresses.',
  ),
  locales_unusable: error(
    'The files of LOCALES_DIR, or DEFAULT_LANGUAGE, cannot be used',
    'See docs/languages.md; the detail names the file and the text.',
  ),
  brand_logo_unusable: error(
    'The file of BRAND_LOGO cannot be used',
    'The gateway must be able to read it, and it must be at most 100 kB.',
  ),
  secret_reused: error(
    'One secret is used twice',
    'Create a separate one for each purpose: `openssl rand -base64 32`.',
  ),
  secret_weak: error(
    'A secret is too short or not random',
    'Create a random one: `openssl rand -base64 32`.',
  ),
  secret_documented: error(
    'A secret is an example from documentation',
    'It is public. Create a random one: `openssl rand -base64 32`.',
  ),
};
