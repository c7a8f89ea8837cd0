import type { Configuration } from '../config/configuration.js';

const mailAddress = /[^\s@/:]+@[^\s@/:]+/g;
/** Shorter texts stand in ordinary words by accident. */
const shortest = 6;

/** The last line of defence: whatever a check says, no secret of the configuration and nobody's address is in it. */
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
