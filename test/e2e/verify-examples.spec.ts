import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT, exportSPKI, importJWK, importSPKI } from 'jose';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { tokenVerifier } from '../../examples/verify/typescript/verify.js';
import { findFreePorts } from '../../src/launcher/port.finder.js';
import { SigningKeyRing } from '../../src/session/tokens/signing-key.ring.js';
import { SigningKeyRotation } from '../../src/session/tokens/signing-key.rotation.js';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';
import { encode, signHmac } from '../support/token.forge.js';

/** A service that verifies bearers as its example does. */
interface Service {
  /** @returns the subject, or nothing when the token was refused. */
  verify(token: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

/** Seconds between two readings of the keys: short, so that a test needn't wait for long. */
const cooldown = 1;
/** The Go library lets a request wait for up to three seconds of it. */
const cooldownOfGo = 5;
const folder = mkdtempSync(join(tmpdir(), 'vestibule-verify-'));
const example = (path: string): string =>
  fileURLToPath(new URL(`../../examples/verify/${path}`, import.meta.url));

let gateway: Gateway;
let url: string;
let held: HeldSession;

beforeAll(async () => {
  const [port = 0] = await findFreePorts(1);
  url = `http://localhost:${port}`;
  gateway = await startGateway({
    PUBLIC_URL: url,
    PORT: String(port),
    TOKEN_AUDIENCE: 'https://api.example.test',
  });
  await gateway.app.listen(port, '127.0.0.1');
  held = await gateway.session();
});

afterAll(async () => {
  await gateway?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function startService(program: string, args: readonly string[]): Promise<Service> {
  const [port = 0] = await findFreePorts(1);
  const child: ChildProcess = spawn(program, [...args], {
    env: {
      PATH: process.env['PATH'] ?? '',
      ISSUER: url,
      AUDIENCE: gateway.configuration.TOKEN_AUDIENCE,
      COOLDOWN: program.endsWith('verify-go') ? `${cooldownOfGo}s` : String(cooldown),
      LISTEN: `127.0.0.1:${port}`,
      PORT: String(port),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors += String(chunk)));
  const ask = (token: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/`, { headers: { authorization: `Bearer ${token}` } });
  await waitUntil(async () => {
    if (child.exitCode !== null) {
      throw new Error(errors);
    }
    return ask('x').then(
      () => true,
      () => false,
    );
  }, `${program} to answer`);
  return {
    verify: async (token) => {
      const answer = await ask(token);
      expect([200, 401]).toContain(answer.status);
      return answer.status === 200 ? String(Reflect.get(Object(await answer.json()), 'sub')) : undefined;
    },
    stop: async () => {
      child.kill();
      await once(child, 'exit');
    },
  };
}

const services: Readonly<Record<string, () => Promise<Service>>> = {
  typescript: async () => {
    const settings = {
      issuer: url,
      audience: gateway.configuration.TOKEN_AUDIENCE,
      cooldown: cooldown * 1000,
    };
    const verify = tokenVerifier(settings);
    return {
      verify: async (token) => {
        try {
          return (await verify(token)).sub;
        } catch {
          return undefined;
        }
      },
      stop: async () => undefined,
    };
  },
  go: async () => {
    const program = join(folder, 'verify-go');
    execFileSync('go', ['build', '-o', program, '.'], {
      cwd: example('go'),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return startService(program, []);
  },
  python: async () => startService(inject('pythonPath'), [example('python/verify.py')]),
};

describe.each(Object.entries(services))('the example in %s', (name, start) => {
  let service: Service;

  beforeAll(async () => {
    service = await start();
  });

  afterAll(async () => {
    await service?.stop();
  });

  const expectSubject = async (token: string, subject: string | undefined): Promise<void> => {
    expect(await service.verify(token)).toBe(subject);
  };

  it('takes a token of the gateway for its audience', async () => {
    await expectSubject(held.token, held.user.id);
  });

  it.each([
    ['another audience', { aud: 'https://other.example.test' }, {}],
    ['another issuer', { iss: 'https://evil.example' }, {}],
    ['an issuer with a slash more', { iss: 'SLASH' }, {}],
    ['a past end', { exp: 1_700_000_000 }, {}],
    ['no end', { exp: undefined }, {}],
    ['no audience', { aud: undefined }, {}],
    ['no subject', { sub: undefined }, {}],
    ['the type of another token', {}, { typ: 'JWT' }],
    ['the type of a logout token', {}, { typ: 'logout+jwt' }],
    ['no type', {}, { typ: undefined }],
    ['an unknown key', {}, { kid: 'unknown' }],
    ['no key', {}, { kid: undefined }],
  ])('refuses a token with %s, although its signature is right', async (_what, claims, header) => {
    const { kid, alg, key } = gateway.app.get(SigningKeyRing, { strict: false }).signing();
    const wrong = 'iss' in claims && claims.iss === 'SLASH' ? { iss: `${url}/` } : claims;
    const all = JSON.parse(JSON.stringify({ ...held.claims, ...wrong }));
    const members = JSON.parse(JSON.stringify({ alg, typ: 'at+jwt', kid, ...header }));
    await expectSubject(await new SignJWT(all).setProtectedHeader(members).sign(key), undefined);
    // The same without the mistake is taken: it's the mistake that was refused.
    const right = await new SignJWT(held.claims).setProtectedHeader({ alg, typ: 'at+jwt', kid }).sign(key);
    await expectSubject(right, held.user.id);
  });

  it('refuses `none`, and HMAC with the public key as its secret [T01] [T02]', async () => {
    const jwks: unknown = JSON.parse((await gateway.request('/.well-known/jwks.json')).text);
    const [jwk] = Reflect.get(Object(jwks), 'keys');
    const key = await importJWK({ ...jwk, ext: true }, 'ES256', { extractable: true });
    const pem = key instanceof Uint8Array ? '' : await exportSPKI(key);
    expect(await importSPKI(pem, 'ES256')).toBeDefined();
    const header = { typ: 'at+jwt', kid: String(jwk.kid) };
    for (const alg of ['none', 'None', '']) {
      await expectSubject(`${encode({ ...header, alg })}.${encode(held.claims)}.`, undefined);
    }
    for (const secret of [pem, pem.trim(), JSON.stringify(jwk)]) {
      await expectSubject(await signHmac(Buffer.from(secret), header, held.claims), undefined);
    }
  });

  it('refuses a changed token, and what is none', async () => {
    const [head = '', , signature = ''] = held.token.split('.');
    const changed = `${head}.${encode({ ...held.claims, roles: ['admin'] })}.${signature}`;
    for (const token of [changed, `${head}..${signature}`, 'x', '', 'a.b.c', held.token.slice(0, -4)]) {
      await expectSubject(token, undefined);
    }
  });

  it('takes tokens of keys that came while it ran, and still those of the key before', async () => {
    const rotation = gateway.app.get(SigningKeyRotation, { strict: false });
    const ring = gateway.app.get(SigningKeyRing, { strict: false });
    const before = ring.signing().kid;
    const old = await gateway.session();
    // Twice: the first one's key was published ahead, the second one's is new to the service.
    for (let count = 0; count < 2; count += 1) {
      expect(await rotation.rotate()).toBe(true);
    }
    expect(ring.signing().kid).not.toBe(before);
    const fresh = await gateway.session();
    await waitUntil(
      async () => (await service.verify(fresh.token)) === fresh.user.id,
      'the new key to be read',
    );
    await expectSubject(old.token, old.user.id);
  });

  it('reads the keys no more often than it should, whatever keys are made up', async () => {
    const readings = (): number =>
      gateway.log.filter((line) => line.includes('/.well-known/jwks.json')).length;
    const { alg, key } = gateway.app.get(SigningKeyRing, { strict: false }).signing();
    const [before, begun] = [readings(), performance.now()];
    for (let index = 0; index < 100; index += 1) {
      const kid = `made-up-${index}`;
      const token = await new SignJWT(held.claims).setProtectedHeader({ alg, typ: 'at+jwt', kid }).sign(key);
      await expectSubject(token, undefined);
    }
    const seconds = (performance.now() - begun) / 1000;
    expect(readings() - before).toBeLessThanOrEqual(
      1 + Math.ceil(seconds / (name === 'go' ? cooldownOfGo : cooldown)),
    );
  });
});
