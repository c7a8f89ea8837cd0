import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonVariables } from './common.variables.js';
import { ConfigurationError, type Environment, loadConfiguration } from './configuration.js';
import { auth0Variables, oidcVariables, oryVariables } from './provider.variables.js';

const names = [commonVariables, oryVariables, auth0Variables, oidcVariables].flatMap((object) =>
  Object.keys(object.shape),
);
/** Marks every value, so that a message that repeats it is found. Our own texts never contain it. */
const canary = 'c4n4ry';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    'ory',
    'auth0',
    'oidc',
    'http://',
    'https://[',
    'http://localhost:99999',
    'https://a b',
    'file:',
    '10m',
    '1d',
    'true',
    ',',
    ',,,',
    'http://localhost:3000',
    'a@b.c',
    '__proto__',
  ),
  fc.webUrl(),
);
const marked = text.chain((value) =>
  fc.constantFrom(value, `${value}${canary}`, `${canary}${value}`, `http://${canary}.test/${value}`),
);
const environments = fc.dictionary(
  fc.oneof(fc.constantFrom(...names), fc.constantFrom(...names.map((name) => `${name}_FILE`)), fc.string()),
  fc.option(marked, { nil: undefined }),
  { maxKeys: 12, noNullPrototype: true },
);

function messageOf(environment: Environment): string {
  try {
    loadConfiguration(environment);
    return '';
  } catch (error) {
    if (error instanceof ConfigurationError) {
      return error.message;
    }
    throw error;
  }
}

describe('loadConfiguration', () => {
  it('throws nothing but ConfigurationError, and never echoes a value, whatever the environment is', () => {
    fc.assert(
      fc.property(environments, (environment) => {
        expect(messageOf(environment)).not.toContain(canary);
      }),
      { numRuns: 2000 },
    );
  });

  it('never echoes one wrong value beside right ones', () => {
    const right = {
      SECRETS: randomBytes(32).toString('hex'),
      KRATOS_PUBLIC_URL: 'http://kratos:4433',
      KRATOS_ADMIN_URL: 'http://kratos:4434',
      HYDRA_PUBLIC_URL: 'http://hydra:4444',
      HYDRA_ADMIN_URL: 'http://hydra:4445',
    };
    fc.assert(
      fc.property(fc.constantFrom(...names), marked, (name, value) => {
        const message = messageOf({ ...right, [name]: value });
        expect(message).not.toContain(canary);
        for (const line of message.split('\n').filter((entry) => entry.startsWith('  '))) {
          expect(line).toMatch(/^ {2}[A-Z0-9_]+: [^\n]+$/);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each(names)('%s: any text is taken, or refused with the name of the variable', (name) => {
    const right = {
      SECRETS: randomBytes(32).toString('hex'),
      ...Object.fromEntries(
        ['KRATOS_PUBLIC_URL', 'KRATOS_ADMIN_URL', 'HYDRA_PUBLIC_URL', 'HYDRA_ADMIN_URL'].map((url) => [
          url,
          'http://ory:4433',
        ]),
      ),
    };
    fc.assert(
      fc.property(marked, (value) => {
        const message = messageOf({ ...right, [name]: value });
        // Another provider requires other variables, which are then missing.
        expect(message === '' || message.includes(name) || name === 'AUTH_PROVIDER').toBe(true);
        expect(message).not.toContain(canary);
      }),
      { numRuns: 60 },
    );
  });
});
