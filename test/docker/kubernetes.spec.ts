import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { version } from '../../src/platform/core/version.js';
import { pinnedBinaries } from '../../src/launcher/binary-pins.js';
import { dockerFolder } from '../../src/launcher/binary.store.js';
import { newSecret } from '../support/gateway.js';
import { TestDatabases } from '../support/test.database.js';
import { buildLimit, DockerChecks } from './docker.checks.js';
import { ownFeatures } from '../../src/app/features.js';

const run = promisify(execFile);
const containerSchema = z.looseObject({
  image: z.string(),
  command: z.array(z.string()).default([]),
  env: z.array(z.looseObject({ name: z.string(), value: z.string() })),
});
const objectSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
  data: z.record(z.string(), z.string()).default({}),
});
const podSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({ spec: z.looseObject({ containers: z.array(containerSchema) }) }),
  }),
});
type KubernetesObject = z.output<typeof objectSchema>;

let checks: DockerChecks;
let folder: string;
let objects: KubernetesObject[];
let production: KubernetesObject[];

beforeAll(async () => {
  checks = await DockerChecks.build();
  folder = await mkdtemp(join(tmpdir(), 'vestibule-kubernetes-'));
  const read = async (name: string): Promise<KubernetesObject[]> =>
    z.array(objectSchema).parse(await checks.kustomize(join(dockerFolder, 'kubernetes', name)));
  objects = await read('base');
  production = await read('overlays/production');
}, buildLimit);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const find = (
  list: readonly KubernetesObject[],
  kind: string,
  name = 'vestibule',
): KubernetesObject | undefined =>
  list.find((object) => object.kind === kind && object.metadata.name.startsWith(name));
const containerOf = (object: KubernetesObject | undefined): z.output<typeof containerSchema> | undefined =>
  podSchema.parse(object).spec.template.spec.containers[0];

it('the base has what a deployment of several replicas needs', () => {
  expect(objects.map(({ kind }) => kind).toSorted()).toEqual([
    'ConfigMap',
    'CronJob',
    'CronJob',
    'Deployment',
    'HorizontalPodAutoscaler',
    'Job',
    'NetworkPolicy',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'Service',
    'ServiceAccount',
  ]);
  expect(find(objects, 'HorizontalPodAutoscaler')).toMatchObject({
    spec: { minReplicas: 2, maxReplicas: 10 },
  });
  expect(find(objects, 'PodDisruptionBudget')).toMatchObject({ spec: { maxUnavailable: 1 } });
  expect(find(objects, 'ServiceAccount')).toMatchObject({ automountServiceAccountToken: false });
  expect(containerOf(find(objects, 'Deployment'))).toMatchObject({
    image: `vestibule:${version}`,
    livenessProbe: { httpGet: { path: '/health/live' } },
    readinessProbe: { httpGet: { path: '/health/ready' } },
    startupProbe: { httpGet: { path: '/health/live' } },
  });
});

it.each([
  ['kratos-cleanup', 'kratos', pinnedBinaries.kratos.version, ['cleanup', 'sql', '-e']],
  [
    'hydra-janitor',
    'hydra',
    pinnedBinaries.hydra.version,
    ['janitor', '-e', '--requests', '--tokens', '--grants'],
  ],
] as const)(
  '%s removes what has expired, every ten minutes, as a confined pod',
  (name, program, tag, words) => {
    const job = find(objects, 'CronJob', name);
    expect(job).toMatchObject({ spec: { schedule: '*/10 * * * *', concurrencyPolicy: 'Forbid' } });
    const { template } = z
      .looseObject({
        spec: z.looseObject({
          jobTemplate: z.looseObject({ spec: z.looseObject({ template: z.unknown() }) }),
        }),
      })
      .parse(job).spec.jobTemplate.spec;
    const pod = { spec: { template } };
    expect(pod).toMatchObject({
      spec: {
        template: {
          spec: {
            automountServiceAccountToken: false,
            securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          },
        },
      },
    });
    const container = z
      .looseObject({
        image: z.string(),
        command: z.array(z.string()),
        args: z.array(z.string()),
        securityContext: z.unknown(),
      })
      .parse(Reflect.get(Object(Reflect.get(Object(template), 'spec')), 'containers')[0]);
    expect([container.image, container.command]).toEqual([`oryd/${program}:v${tag}`, [program]]);
    expect(container.args).toEqual(
      expect.arrayContaining([...words, `/run/secrets/${program}/${program}.yml`]),
    );
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  },
);

it.each(['Deployment', 'Job'])('the pods of the %s keep to the restricted standard', (kind) => {
  const object = find(objects, kind);
  expect(object).toMatchObject({
    spec: {
      template: {
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        },
      },
    },
  });
  expect(containerOf(object)).toMatchObject({
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  });
  expect(JSON.stringify(object)).not.toMatch(/hostNetwork|hostPath|hostPID|privileged/);
});

it('Kratos and Hydra may ask the gateway, besides the ingress controller', () => {
  const programs = { key: 'app.kubernetes.io/name', operator: 'In', values: ['kratos', 'hydra'] };
  expect(find(objects, 'NetworkPolicy')).toMatchObject({
    spec: {
      ingress: [
        {
          from: [
            { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress-nginx' } } },
            { podSelector: { matchExpressions: [programs] } },
          ],
          ports: [{ port: 3000, protocol: 'TCP' }],
        },
      ],
    },
  });
});

it('the overlay changes what it should, in a namespace of its own', () => {
  expect(find(production, 'HorizontalPodAutoscaler')).toMatchObject({
    spec: { minReplicas: 3, maxReplicas: 30 },
  });
  expect(find(production, 'NetworkPolicy')).toMatchObject({
    spec: {
      egress: expect.arrayContaining([
        expect.objectContaining({ to: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }),
      ]),
    },
  });
  expect(find(production, 'ConfigMap')?.data['KRATOS_ADMIN_URL']).toBe('http://kratos:4434');
  const outside = production.filter(
    ({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== 'vestibule',
  );
  expect(outside).toEqual([]);
});

it("the overlay's settings are valid, and its migration job runs with them", async () => {
  const databases = new TestDatabases(inject('postgresUrl'));
  try {
    const secrets: Record<string, string> = {
      database_url: await databases.create(),
      redis_url: 'redis://redis:6379',
      gateway_secrets: newSecret(),
      smtp_url: 'smtps://mail.example.org:465/',
      admin_password: 'correct horse battery',
    };
    await Promise.all(Object.entries(secrets).map(([name, value]) => writeFile(join(folder, name), value)));
    const { data } = find(production, 'ConfigMap') ?? { data: {} };
    const settingsOf = (kind: string): Record<string, string> => ({
      ...data,
      ...Object.fromEntries(
        (containerOf(find(production, kind))?.env ?? []).map(({ name, value }) => [
          name,
          value.replace('/run/secrets/vestibule', folder),
        ]),
      ),
    });
    const configuration = loadConfiguration(settingsOf('Deployment'), ownFeatures);
    expect(configuration).toMatchObject({
      PUBLIC_URL: 'https://auth.example.org',
      SMTP_URL: secrets['smtp_url'],
    });

    const [program, ...args] = containerOf(find(production, 'Job'))?.command ?? [];
    expect(program).toBe('node');
    const env = { PATH: process.env['PATH'] ?? '', ...settingsOf('Job'), REDIS_URL_FILE: '' };
    const { stdout } = await run(process.execPath, args, { cwd: join(dockerFolder, '..'), env });
    expect(stdout).toBe('The database is up to date.\n');
  } finally {
    await databases.drop();
  }
});

it.each([
  [
    'an unknown field',
    'deployment.yaml',
    'readOnlyRootFilesystem',
    'readOnlyRootFileSystem',
    'unknown field',
  ],
  [
    'an unknown field deep in a list',
    'network-policy.yaml',
    'namespaceSelector:',
    'nameSpaceSelector:',
    'unknown field',
  ],
  [
    'a value of another type',
    'disruption-budget.yaml',
    'maxUnavailable: 1',
    'maxUnavailable: [1]',
    'cannot unmarshal array',
  ],
  ['a number that is text', 'autoscaler.yaml', 'minReplicas: 2', 'minReplicas: two', 'int32'],
  [
    'a field that is given twice',
    'service.yaml',
    '  selector:',
    '  selector: {}\n  selector:',
    'already defined',
  ],
  ['a kind that there is none of', 'service.yaml', 'kind: Service', 'kind: Servise', 'Servise'],
  ['a file that is missing', 'kustomization.yaml', '- service.yaml', '- services.yaml', 'services.yaml'],
])('finds %s', async (_what, file, right, wrong, named) => {
  const copy = join(await mkdtemp(join(folder, 'planted-')), 'base');
  await cp(join(dockerFolder, 'kubernetes/base'), copy, { recursive: true });
  const text = await readFile(join(copy, file), 'utf8');
  expect(text).toContain(right);
  await writeFile(join(copy, file), text.replace(right, wrong));
  await expect(checks.kustomize(copy)).rejects.toThrow(named);
});
