import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { z } from 'zod';
import { blockRunBy } from '../../../../../test/support/document.blocks.js';
import {
  type KubernetesCluster,
  clusterLimit,
  startCluster,
} from '../../../../../test/support/kubernetes.cluster.js';
import { administratorOf, registerApplication } from '../../../../../test/support/registered.application.js';
import { shell } from '../../../../../test/support/shell.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';

const spec = 'src/features/workload-identity/test/extended/kubernetes-workload.spec.ts';
const issuer = 'https://kubernetes.default.svc';

let cluster: KubernetesCluster;
let stack: Stack;
let folder: string;

// Of a cluster that shares the machine with other tests.
vi.setConfig({ testTimeout: 600_000 });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-workloads-'));
  await writeFile(join(folder, 'workload-keys.json'), '{}');
  cluster = await startCluster(inject('etcdPath'));
  stack = await startStack({ env: { WORKLOAD_KEYS_FILE: join(folder, 'workload-keys.json') } });
}, clusterLimit);

afterAll(async () => {
  await stack?.stop();
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs commands that must end well. @returns what they print. */
async function run(commands: string): Promise<string> {
  const { status, stdout, stderr } = await shell(commands, folder, cluster.env);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trim();
}

it('a service account of a real cluster, whose keys are in the file, is a machine; its namesake elsewhere is not', async () => {
  const definition = { name: 'Robot', kind: 'machine', redirectUris: [], scope: 'shop:read' } as const;
  const { id } = await registerApplication(stack, definition);
  await run(blockRunBy('docs/workload-identity.md', spec, 'keys'));
  const rule = {
    issuer,
    claims: { 'kubernetes.io/namespace': 'shop', 'kubernetes.io/serviceaccount/name': 'robot' },
  };
  const administrator = await administratorOf(stack);
  expect((await administrator.post(`/api/v1/applications/${id}/workloads`, rule)).status).toBe(201);
  for (const namespace of ['shop', 'toys']) {
    await run(`kubectl create namespace ${namespace}; kubectl -n ${namespace} create serviceaccount robot`);
  }
  const tokenOf = async (namespace: string, audience: string): Promise<string> =>
    run(`kubectl -n ${namespace} create token robot --audience ${audience} --duration 10m`);
  const exchange = async (token: string) =>
    new UserAgent(stack.url).request('/auth/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        subject_token: token,
        client_id: id,
      }),
    });
  const token = await tokenOf('shop', stack.url);
  const answer = z.looseObject({ access_token: z.string() }).parse((await exchange(token)).json());
  const issued = decodeJwt(answer.access_token);
  expect(issued).toMatchObject({ client_id: id, scope: 'shop:read' });
  expect(issued.exp).toBeLessThanOrEqual(decodeJwt(token).exp ?? 0);
  expect((await exchange(await tokenOf('toys', stack.url))).status).toBe(400);
  expect((await exchange(await tokenOf('shop', issuer))).status).toBe(400);
});
