import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { z } from 'zod';
import { version } from '../../src/platform/core/version.js';
import { copyDockerFolder } from '../docker/docker.checks.js';
import { blockRunBy } from '../support/document.blocks.js';
import { type KubernetesCluster, clusterLimit, startCluster } from '../support/kubernetes.cluster.js';
import { type ShellOutcome, shell } from '../support/shell.js';

const page = 'docs/production.md';
const spec = 'test/journeys/kubernetes.spec.ts';
const block = (name: string): string => blockRunBy(page, spec, name);

const podsSchema = z.object({
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({ containers: z.array(z.looseObject({ image: z.string() })) }),
    }),
  ),
});

let cluster: KubernetesCluster;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-kubernetes-'));
  await copyDockerFolder(join(folder, 'docker'));
  cluster = await startCluster(inject('etcdPath'));
}, clusterLimit);

// Of a cluster that shares the machine with other tests.
vi.setConfig({ testTimeout: 600_000 });

afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = async (commands: string): Promise<ShellOutcome> => shell(commands, folder, cluster.env);

/** Runs commands that must end well, and without a warning. @returns what they print, line by line. */
async function runWell(commands: string): Promise<string[]> {
  const { status, stdout, stderr } = await run(commands);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trim().split('\n');
}

/** Each question is a program of its own. */
const rarely = { interval: 1000, timeout: 300_000 };

/** What pods there are: each image, as often as there is a pod of it. */
async function images(namespace: string): Promise<string[]> {
  const [json = ''] = await runWell(`kubectl --namespace ${namespace} get pods --output json | tr -d '\\n'`);
  return podsSchema
    .parse(JSON.parse(json))
    .items.flatMap(({ metadata, spec: { containers } }) =>
      containers.map(({ image }) => `${metadata.labels['app.kubernetes.io/name']} ${image}`),
    )
    .toSorted();
}

async function waitForPods(namespace: string, expected: readonly string[]): Promise<void> {
  await expect.poll(() => images(namespace), rarely).toEqual(expected);
}

/** Those that an apply has changed. kubectl says of disruption budgets each time that it has configured them. */
const changedBy = (lines: readonly string[]): string[] =>
  lines.filter((line) => !/ unchanged$|^poddisruptionbudget\S+ configured$/.test(line));

/** Applies once more, and holds that the cluster sees no difference before, and changes nothing. */
async function expectNoChange(options: string): Promise<void> {
  expect(await runWell(`kubectl diff ${options}`)).toEqual(['']);
  expect(changedBy(await runWell(`kubectl apply ${options}`))).toEqual([]);
}

it('a self-hoster with a cluster applies docs/production.md: all is taken, each pod is confined, and a second time nothing changes', async () => {
  expect((await runWell(block('secrets'))).join()).toContain('are complete');
  // As the page asks for: the addresses of one's own stores.
  for (const name of ['database_url', 'redis_url', 'kratos.yml', 'hydra.yml']) {
    const path = join(folder, 'docker/secrets', name);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(/@(?:postgres|redis):/);
    chmodSync(path, 0o600);
    writeFileSync(path, text.replace('@postgres:', '@192.0.2.10:').replace('@redis:', '@192.0.2.11:'));
  }
  expect(await runWell(block('first'))).toEqual([
    'namespace/vestibule created',
    'secret/vestibule created',
    'secret/kratos created',
    'secret/hydra created',
    'secret/vestibule-tls created',
  ]);

  const applied = await runWell(block('apply'));
  expect(applied.filter((line) => !line.endsWith(' created'))).toEqual(['namespace/vestibule unchanged']);
  expect(applied).toHaveLength(13);

  // The Deployment's pods are as many as the autoscaler's least. The cleanups run by their schedule, or now.
  await runWell(
    'kubectl --namespace vestibule create job kratos-now --from=cronjob/kratos-cleanup &&' +
      ' kubectl --namespace vestibule create job hydra-now --from=cronjob/hydra-janitor',
  );
  await runWell(
    `kubectl --namespace vestibule patch cronjob kratos-cleanup hydra-janitor --patch '{"spec":{"suspend":true}}'`,
  );
  await waitForPods('vestibule', [
    'hydra-janitor oryd/hydra:v2.3.0',
    'kratos-cleanup oryd/kratos:v1.3.1',
    `vestibule vestibule:${version}`,
    `vestibule vestibule:${version}`,
    `vestibule vestibule:${version}`,
    `vestibule-migrate vestibule:${version}`,
  ]);
  expect(
    await runWell('kubectl --namespace vestibule get events | grep --count FailedCreate || true'),
  ).toEqual(['0']);

  const [, command = ''] = block('apply').trim().split('\n');
  await expectNoChange(command.replace('kubectl apply ', ''));
});

it('a new version is applied by the same two commands, and its Job is refused while the old one is there', async () => {
  const overlay = join(folder, 'docker/kubernetes/overlays/production/kustomization.yaml');
  appendFileSync(
    overlay,
    `images:\n  - name: vestibule\n    newName: registry.example.org/vestibule\n    digest: sha256:${'0'.repeat(64)}\n`,
  );
  const [, command = ''] = block('apply').trim().split('\n');
  const refused = await run(command);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('field is immutable');
  expect(changedBy(refused.stdout.trim().split('\n'))).toEqual(['deployment.apps/vestibule configured']);

  const image = `registry.example.org/vestibule@sha256:${'0'.repeat(64)}`;
  const changed = changedBy(await runWell(block('apply')));
  expect(changed).toEqual([
    'job.batch "vestibule-migrate" deleted from vestibule namespace',
    'job.batch/vestibule-migrate created',
  ]);
  // No pod becomes ready without nodes, so one of the new version stands beside the three of the old one.
  await expect
    .poll(async () => (await images('vestibule')).filter((found) => found.endsWith(image)), rarely)
    .toEqual([`vestibule ${image}`, `vestibule-migrate ${image}`]);
  expect(
    (await images('vestibule')).filter((found) => found === `vestibule vestibule:${version}`),
  ).toHaveLength(3);
});

it('the base alone is taken too, in a namespace of another name', async () => {
  await runWell(
    'kubectl create namespace other && kubectl label namespace other pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=restricted',
  );
  const base = '--namespace other --kustomize docker/kubernetes/base';
  const created = await runWell(`kubectl apply ${base}`);
  expect(created.filter((line) => line.endsWith(' created'))).toHaveLength(11);
  await waitForPods('other', [
    `vestibule vestibule:${version}`,
    `vestibule vestibule:${version}`,
    `vestibule-migrate vestibule:${version}`,
  ]);
  await expectNoChange(base);
});

it.each([
  ['a pod', 'kubectl --namespace vestibule run open --image=vestibule'],
  [
    'a pod as root',
    `kubectl --namespace vestibule run root --image=vestibule --overrides='{"spec":{"securityContext":{"runAsUser":0}}}'`,
  ],
])('%s that isn’t confined is refused: admission is enforced', async (_what, command) => {
  const { status, stderr } = await run(command);
  expect(status).toBe(1);
  expect(stderr).toContain('violates PodSecurity "restricted:latest"');
});
