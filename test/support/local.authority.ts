import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A server's certificate and its key, PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of one test's own, which only those trust who are given its file. */
export interface LocalAuthority {
  /** For `NODE_EXTRA_CA_CERTS`. */
  readonly path: string;
  /** @param days that it's valid; with 0 it has ended when it's there. */
  issue(host: string, days: number): Promise<ServerCertificate>;
  remove(): Promise<void>;
}

/** Makes an authority with openssl. */
export async function makeAuthority(): Promise<LocalAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-authority-'));
  const openssl = (...args: readonly string[]) => run('openssl', [...args], { cwd: folder });
  const subject = ['-subj', '/CN=Authority of a test'];
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', ...subject);
  return {
    path: join(folder, 'ca.pem'),
    issue: async (host, days) => {
      await openssl('req', ...newKey, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', `/CN=${host}`);
      await writeFile(join(folder, 'extensions'), `subjectAltName=DNS:${host}\n`);
      const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
      const life = ['-days', String(days), '-extfile', 'extensions'];
      await openssl('x509', '-req', '-in', 'request.pem', ...signer, ...life, '-out', 'cert.pem');
      const read = (name: string) => readFile(join(folder, name), 'utf8');
      return { cert: await read('cert.pem'), key: await read('key.pem') };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
