import type { Configuration } from '../config/configuration.js';
import type { Check, Observation } from './check.port.js';

const shortest = 12;
const leastDifferent = 6;
const placeholder = /change.?me|placeholder|example|your[-_ ]|secret|password|insert|todo|xxxx/i;
/** Passwords and secrets that stand in documentation: Vestibule's, Ory's, common providers'. */
const documented = new Set([
  'password',
  'client-secret',
  'correct horse battery staple',
  'PLEASE-CHANGE-ME-I-AM-VERY-INSECURE',
]);

interface NamedSecret {
  readonly name: string;
  readonly text: string;
  /** Whether its strength is ours to judge: others may be old, but are a server's affair. */
  readonly isJudged: boolean;
}

/** Secrets are random, of one purpose each, and nobody else's. `SECRETS` itself is judged when the environment is read. */
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
    for (const bytes of configuration.SECRETS.filter(isSequence)) {
      found.push({
        code: 'secret_weak',
        detail: `SECRETS, entry ${configuration.SECRETS.indexOf(bytes) + 1}`,
      });
    }
    secrets.forEach(({ name, text }, index) => {
      const other = secrets.slice(0, index).find((earlier) => earlier.text === text);
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
  const add = (name: string, text: string | undefined, isJudged: boolean): void => {
    if (text !== undefined && text !== '') {
      entries.push({ name, text: sameForm(text), isJudged });
    }
  };
  switch (configuration.AUTH_PROVIDER) {
    case 'ory':
      add('ADMIN_PASSWORD', configuration.ADMIN_PASSWORD, true);
      break;
    case 'auth0':
      add('AUTH0_CLIENT_SECRET', configuration.AUTH0_CLIENT_SECRET, true);
      break;
    case 'oidc':
      add('OIDC_CLIENT_SECRET', configuration.OIDC_CLIENT_SECRET, true);
  }
  for (const name of ['DATABASE_URL', 'REDIS_URL', 'SMTP_URL'] as const) {
    const url = configuration[name];
    add(
      `the password in ${name}`,
      url !== undefined && URL.canParse(url) ? decode(new URL(url).password) : '',
      false,
    );
  }
  return entries;
}

/** A secret that was copied from `SECRETS` is the same in hex or base64. */
function sameForm(text: string): string {
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64url').toString('hex') : text;
}

/** Bytes that count up or down, or text: what somebody typed. */
function isSequence(bytes: Uint8Array): boolean {
  const steps = new Set(bytes.slice(1).map((byte, index) => byte - (bytes[index] ?? 0)));
  return steps.size <= 2 || bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
