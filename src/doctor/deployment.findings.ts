import type { FindingDefinition } from './check.port.js';

/** What can be wrong with the environment, and with the way from a browser to the gateway. */
export const deploymentFindings = {
  configuration_invalid: {
    severity: 'error',
    title: 'The environment is not valid: the gateway does not start with it',
    fix: 'Set the variable as docs/configuration.md says.',
  },
  embedded_not_running: {
    severity: 'error',
    title: 'Nothing runs on this data folder',
    fix: 'Run `npm start`, or set `DATA_DIR` to the folder of the copy that runs, or the variables of your deployment.',
  },
  repair_refused: {
    severity: 'error',
    title: 'Nothing was mended: the gateway at PUBLIC_URL did not prove that it is this deployment',
    fix: 'Run it with the environment of the gateway that runs (`PUBLIC_URL`, `SECRETS`), while that gateway answers.',
  },
  check_incomplete: {
    severity: 'warning',
    title: 'Something could not be looked at',
    fix: 'See what else was found. Without any of it, what is asked there is slow: run it again, or with `--timeout 10`.',
  },
  node_version_unsupported: {
    severity: 'error',
    title: 'This version of Node is too old',
    fix: 'Run Node 20.19 or newer.',
  },
  gateway_unreachable: {
    severity: 'error',
    title: 'Nothing answers at PUBLIC_URL',
    fix: 'Start the gateway and whatever stands in front of it; check name resolution, port and firewall. From inside of a network the public address may be closed: then run this where browsers are.',
  },
  gateway_wrong_answer: {
    severity: 'error',
    title: 'Something else answers at PUBLIC_URL',
    fix: 'Have the proxy pass every path on to the gateway; compare its target with `HOST` and `PORT`.',
  },
  gateway_other_secrets: {
    severity: 'error',
    title: 'The gateway at PUBLIC_URL is not of this deployment',
    fix: 'Give every replica, and this command, the same `SECRETS` and the same version; check that the clocks agree.',
  },
  proxy_host_changed: {
    severity: 'error',
    title: 'A proxy changes the Host header: every page is answered with 421',
    fix: 'Have the proxy keep it (nginx: `proxy_set_header Host $http_host`), or send `X-Forwarded-Host` and stand in `TRUST_PROXY`.',
  },
  proxy_proto_missing: {
    severity: 'warning',
    title: 'A proxy does not send X-Forwarded-Proto',
    fix: 'Have it sent (nginx: `proxy_set_header X-Forwarded-Proto $scheme`): the gateway and what stands behind it see plain http.',
  },
  proxy_not_trusted: {
    severity: 'warning',
    title: 'A proxy is in front that TRUST_PROXY does not name: everybody has its address',
    fix: 'Add the address that the proxy connects from to `TRUST_PROXY`, or rate limits and the audit trail know only that one.',
  },
  trust_proxy_missing: {
    severity: 'warning',
    title: 'PUBLIC_URL is https, so a proxy is in front, but TRUST_PROXY is empty',
    fix: 'Set `TRUST_PROXY` to the addresses of the proxies: until then their address stands for everybody, in rate limits too.',
  },
  trust_proxy_everybody: {
    severity: 'warning',
    title: 'TRUST_PROXY trusts everybody: callers can make up their address',
    fix: 'Name the proxies only.',
  },
  ory_telemetry_on: {
    severity: 'warning',
    title: "Ory's telemetry is not turned off in this settings file",
    fix: 'Set `sqa-opt-out: true` in kratos.yml, `opt_out: true` under `sqa` in hydra.yml, or `SQA_OPT_OUT=true` in their environment.',
  },
  certificate_expired: {
    severity: 'error',
    title: 'The certificate of PUBLIC_URL is not valid now',
    fix: 'Renew it, and have the proxy load it again.',
  },
  certificate_expires_soon: {
    severity: 'warning',
    title: 'The certificate of PUBLIC_URL ends within 14 days',
    fix: 'Renew it; look why that was not done by itself.',
  },
  certificate_wrong_host: {
    severity: 'error',
    title: 'The certificate is not for the host of PUBLIC_URL',
    fix: 'Get one for this name, or correct `PUBLIC_URL`.',
  },
  certificate_untrusted: {
    severity: 'error',
    title: 'The certificate of PUBLIC_URL is signed by nobody known here',
    fix: 'Serve the whole chain; for a private authority set `NODE_EXTRA_CA_CERTS` here and install it in browsers.',
  },
  clock_skew: {
    severity: 'error',
    title: 'Clocks differ by more than 30 seconds',
    fix: 'Run NTP on every machine: tokens and logins are refused as not yet valid, or as expired.',
  },
  demo_in_production: {
    severity: 'warning',
    title: 'The example application is served',
    fix: 'Take `DEMO` out, or set it to `false`.',
  },
  rate_limit_off: {
    severity: 'warning',
    title: 'Guessing passwords is not limited',
    fix: 'Take `RATE_LIMIT=false` out; what must not be limited belongs into `RATE_LIMIT_ALLOW`.',
  },
  allowed_origin_insecure: {
    severity: 'warning',
    title: 'An origin in ALLOWED_ORIGINS is plain http',
    fix: 'Take it out or serve it by https: whoever is on the network can send requests in people’s names.',
  },
  spa_redirect_insecure: {
    severity: 'error',
    title: 'A redirect URI in SPA_REDIRECT_URIS is plain http',
    fix: 'Serve the application by https: Hydra takes plain http for loopback addresses only.',
  },
  locales_unusable: {
    severity: 'error',
    title: 'The files of LOCALES_DIR, or DEFAULT_LANGUAGE, cannot be used',
    fix: 'See docs/languages.md; the detail names the file and the text.',
  },
  brand_logo_unusable: {
    severity: 'error',
    title: 'The file of BRAND_LOGO cannot be used',
    fix: 'Make it readable for the gateway, and at most 100 kB.',
  },
  secret_reused: {
    severity: 'error',
    title: 'One secret is used twice',
    fix: 'Make another one for each purpose: `openssl rand -base64 32`.',
  },
  secret_weak: {
    severity: 'error',
    title: 'A secret is too short or not random',
    fix: 'Make a random one: `openssl rand -base64 32`.',
  },
  secret_documented: {
    severity: 'error',
    title: 'A secret is an example of some documentation',
    fix: 'Everybody knows it. Make a random one: `openssl rand -base64 32`.',
  },
} as const satisfies Record<string, FindingDefinition>;
