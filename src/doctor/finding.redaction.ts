import type { Configuration } from '../platform/config/configuration.js';

const mailAddress = /[^\s@/:]+@[^\s@/:]+/g;
/** Characters. Shorter secrets could match parts of ordinary words. */
const shortest = 6;

/** Makes a function that removes the configuration's secrets and all e-mail addresses from a check's text: the last defence. */
export function redact(configuration: Configuration): (text: string) => string {
  const secrets = [
    ...configuration.SECRETS.flatMap((bytes) =>
      (['hex', 'base64', 'base64url'] as const).map((encoding) => Buffer.from(bytes).toString(encoding)),
    ),
    ...['ADMIN_PASSWORD', 'AUTH0_CLIENT_SECRET', 'OIDC_CLIENT_SECRET'].map((name) => {
      const value: unknown = Reflect.get(configuration, name);
      return typeof value === 'string' ? value : '';
    }),
    ...(['DATABASE_URL', 'REDIS_URL', 'SMTP_URL'] as const).map((name) => {
      const url = configuration[name];
      return url !== undefined && URL.canParse(url) ? new URL(url).password : '';
    }),
  ].filter((text) => text.length >= shortest);
  return (text) =>
    secrets
      .reduce((rest, secret) => rest.replaceAll(secret, '(secret)'), text)
      .replaceAll(mailAddress, '(address)')
      .replaceAll(/\p{Cc}/gu, ' ');
}
