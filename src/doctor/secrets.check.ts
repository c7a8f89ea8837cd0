import type { Configuration } from '../platform/config/configuration.js';
import { passwordOf } from '../platform/config/production.check.js';
import type { Check, Observation } from './check.port.js';

const shortest = 12;
const leastDifferent = 6;
const placeholder = /change.?me|placeholder|example|your[-_ ]|secret|password|insert|todo|xxxx/i;
/** Passwords and secrets that appear in the documentation of Vestibule, Ory or common providers. */
const documented = new Set([
  'password',
  'client-secret',
  'correct horse battery staple',
  'PLEASE-CHANGE-ME-I-AM-VERY-INSECURE',
]);

interface NamedSecret {
  readonly name: string;
  readonly text: string;
  /** Whether its strength is checked. The strength of a server's password is left to that server. */
  readonly isJudged: boolean;
}

/**
 * Checks that secrets are random, used for one purpose each, and not copied from documentation. The parser already refuses most
 * weak entries of `SECRETS`; only sequences and typed text are looked for here.
 */
export const secretsCheck: Check = {
  name: 'secrets',
  isCheap: true,
  run: async (configuration) => {
    const secrets = secretsOf(configuration);
    const found: Observation[] = [];
    for (const { name, text, isJudged } of secrets) {
      if (documented.has(text)) {
        found.push({ code: 'secret_documented', detail: name });
      } else if (
        isJudged &&
        (text.length < shortest || new Set(text).size < leastDifferent || placeholder.test(text))
      ) {
        found.push({ code: 'secret_weak', detail: name });
      }
    }
    configuration.SECRETS.forEach((bytes, index) => {
      if (isSequence(bytes)) {
        found.push({ code: 'secret_weak', detail: `SECRETS, entry ${index + 1}` });
      }
    });
    secrets.forEach(({ name, text, isJudged }, index) => {
      // Servers and headers of one setting may have the same password.
      const other = secrets
        .slice(0, index)
        .find((earlier) => earlier.text === text && (isJudged || earlier.name !== name));
      if (other !== undefined) {
        found.push({ code: 'secret_reused', detail: `${other.name} and ${name}` });
      }
    });
    return found;
  },
};

function secretsOf(configuration: Configuration): readonly NamedSecret[] {
  const entries: NamedSecret[] = configuration.SECRETS.map((bytes, index) => ({
    name: `SECRETS, entry ${index + 1}`,
    text: Buffer.from(bytes).toString('hex'),
    isJudged: false,
  }));
  const add = (name: string, text = '', isJudged = true): void => {
    if (text !== '') {
      entries.push({ name, text: sameForm(text), isJudged });
    }
  };
  switch (configuration.AUTH_PROVIDER) {
    case 'ory':
      add('ADMIN_PASSWORD', configuration.ADMIN_PASSWORD);
      break;
    case 'auth0':
      add('AUTH0_CLIENT_SECRET', configuration.AUTH0_CLIENT_SECRET);
      break;
    case 'oidc':
      add('OIDC_CLIENT_SECRET', configuration.OIDC_CLIENT_SECRET);
  }
  for (const name of ['DATABASE_URL', 'SMTP_URL'] as const) {
    add(`the password in ${name}`, passwordOf(configuration[name] ?? ''), false);
  }
  // The list has user and password in its first URL.
  add('the password in REDIS_URL', passwordOf(configuration.REDIS_URL?.[0] ?? ''), false);
  for (const { settings } of configuration.features) {
    for (const { name, text, kind } of settings?.secrets() ?? []) {
      if (kind !== 'part') {
        add(kind === 'value' ? name : `the password in ${name}`, text, kind === 'value');
      }
    }
  }
  return entries;
}

/** Converts 32 bytes in base64 to hex, so that a secret copied from `SECRETS` is recognized in either encoding. */
function sameForm(text: string): string {
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64url').toString('hex') : text;
}

/** Whether the bytes count up or down, or are printable text: both mean that a person typed them. */
function isSequence(bytes: Uint8Array): boolean {
  const steps = new Set(bytes.slice(1).map((byte, index) => byte - (bytes[index] ?? 0)));
  return steps.size <= 2 || bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}
