import type { Configuration } from '../platform/config/configuration.js';

const mailAddress = /[^\s@/:]+@[^\s@/:]+/g;
/** Characters. Shorter secrets could match parts of ordinary words. */
const shortest = 6;

const secretNames = [
  'ADMIN_PASSWORD',
  'AUTH0_CLIENT_SECRET',
  'OIDC_CLIENT_SECRET',
  'REDIS_SENTINEL_PASSWORD',
];

/** Makes a function that removes the configuration's secrets, those of features included, and all e-mail addresses from a check's text: the last defence. */
export function redact(configuration: Configuration): (text: string) => string {
  const secrets = [
    ...configuration.SECRETS.flatMap((bytes) =>
      (['hex', 'base64', 'base64url'] as const).map((encoding) => Buffer.from(bytes).toString(encoding)),
    ),
    ...secretNames.map((name) => {
      const value: unknown = Reflect.get(configuration, name);
      return typeof value === 'string' ? value : '';
    }),
    ...[configuration.DATABASE_URL, ...(configuration.REDIS_URL ?? []), configuration.SMTP_URL].map((url) =>
      url !== undefined && URL.canParse(url) ? new URL(url).password : '',
    ),
    ...configuration.features.flatMap(({ settings }) => (settings?.secrets() ?? []).map(({ text }) => text)),
  ]
    .filter((text) => text.length >= shortest)
    // A part of a secret must not break up the whole one before that is found.
    .sort((one, other) => other.length - one.length);
  return (text) =>
    secrets
      .reduce((rest, secret) => rest.replaceAll(secret, '(secret)'), text)
      .replaceAll(mailAddress, '(address)')
      .replaceAll(/\p{Cc}/gu, ' ');
}
