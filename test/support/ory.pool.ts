import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { SocialProvider } from '../../src/platform/config/social-providers.parser.js';
import { type OryStack, startOry } from '../../src/launcher/ory-stack.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { type EmbeddedSecrets, makeSecrets } from '../../src/launcher/secret.store.js';
import { giveSigningKeys, prepareOryData, silentProgress } from './ory.template.js';

/** Real Kratos, Hydra and Mailpit for the gateways of one origin. */
export interface TestOry {
  readonly ory: OryStack;
  readonly secrets: EmbeddedSecrets;
  /** Folder above `ory/`, where their SQLite files are. */
  readonly dataDir: string;
  /** What they wrote since they were started or taken. */
  readonly log: string[];
  /** Ends them; or leaves them to the next test file, where they are shared. */
  release(): Promise<void>;
}

export interface TestOryOptions {
  /** Where browsers see the gateway. */
  readonly origin: string;
  /** Where Kratos finds the gateway, if not at its origin. */
  readonly gatewayUrl?: string;
  /** PostgreSQL databases instead of SQLite files. */
  readonly dsn?: { readonly kratos: string; readonly hydra: string } | undefined;
  readonly socialProviders?: readonly SocialProvider[] | undefined;
  readonly logLevel?: string | undefined;
  readonly withoutKeys?: boolean | undefined;
  /** File with the certificate of an authority that they trust. */
  readonly authority?: string | undefined;
}

const idleOrigins: string[] = [];
const idle = new Map<string, TestOry>();

/** An origin at which a gateway may listen: one that another test file has left, or else a new one. */
export async function takeOrigin(): Promise<string> {
  const left = idleOrigins.pop();
  if (left !== undefined) {
    return left;
  }
  const [port = 0] = await findFreePorts(1);
  return `http://localhost:${port}`;
}

/** Leaves an origin to the next gateway of this worker. */
export function leaveOrigin(origin: string): void {
  idleOrigins.push(origin);
}

/**
 * Takes the Ory programs that this worker's test files share, one after the other: starting them takes seconds of a core. They may
 * hold accounts, clients and mails of earlier files, but no applications. They end with the worker.
 */
export async function takeOry(origin: string): Promise<TestOry> {
  const left = idle.get(origin);
  idle.delete(origin);
  if (left !== undefined) {
    left.log.length = 0;
    return left;
  }
  const started = await startTestOry({ origin });
  const pids = pidsOf(started.ory);
  const shared: TestOry = {
    ...started,
    release: async () => {
      if (pidsOf(started.ory) === pids && (await removesApplications(started.ory))) {
        idle.set(origin, shared);
      } else {
        await started.release();
      }
    },
  };
  return shared;
}

const clientsSchema = z.array(
  z.looseObject({ client_id: z.string(), metadata: z.record(z.string(), z.unknown()).nullish() }),
);

/** Removes the applications of a test file: a first-party one forbids names to those of the next. @returns whether Hydra answered. */
async function removesApplications({ env }: OryStack): Promise<boolean> {
  const clients = `${env['HYDRA_ADMIN_URL']}/admin/clients`;
  try {
    const all = clientsSchema.parse(await (await fetch(`${clients}?page_size=1000`)).json());
    for (const { client_id: id, metadata } of all) {
      if (metadata?.['application'] !== undefined) {
        await fetch(`${clients}/${encodeURIComponent(id)}`, { method: 'DELETE' });
      }
    }
    return true;
  } catch {
    return false;
  }
}

/** Starts Ory programs that no other test file has used. */
export async function startTestOry(options: TestOryOptions): Promise<TestOry> {
  const { origin, dsn, socialProviders, logLevel } = options;
  const dataDir = await mkdtemp(join(tmpdir(), 'vestibule-ory-'));
  const secrets = makeSecrets();
  const log: string[] = [];
  if (dsn === undefined) {
    await prepareOryData(dataDir);
  }
  const ory = await startOry({
    dataDir,
    publicUrl: origin,
    gatewayUrl: options.gatewayUrl,
    environment: { ...process.env, ...(options.authority && { NODE_EXTRA_CA_CERTS: options.authority }) },
    secrets,
    ...(dsn === undefined ? {} : { dsn }),
    ...(socialProviders === undefined ? {} : { socialProviders }),
    ...(logLevel === undefined ? {} : { logLevel }),
    log: (source, line) => void log.push(`${source} ${line}`),
    progress: silentProgress,
  });
  if (options.withoutKeys !== true) {
    await giveSigningKeys(ory.env['HYDRA_ADMIN_URL'] ?? '');
  }
  const release = async (): Promise<void> => {
    await ory.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { ory, secrets, dataDir, log, release };
}

function pidsOf({ children: { kratos, hydra, mailpit } }: OryStack): string {
  return [kratos.pid, hydra.pid, mailpit?.pid].join(' ');
}
