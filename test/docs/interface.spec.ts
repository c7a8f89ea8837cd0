import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { ownFeatures } from '../../src/app/features.js';
import * as entry from '../../src/index.js';
import * as testing from '../../src/testing.js';
import { renderEnvExample } from '../../src/platform/config/configuration.docs.js';
import { problemsWith } from '../../src/platform/errors/problem.catalogue.js';
import { findingCatalogue } from '../../src/doctor/finding.catalogue.js';
import { metricCatalogue } from '../../src/features/metrics/metric.catalogue.js';
import { auditEventTypesWith } from '../../src/platform/features/audit-event.catalogue.js';
import { ScopeCatalogue } from '../../src/platform/features/scope.catalogue.js';
import { claimsSchema } from '../../src/session/tokens/claims.schema.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { releases } from '../support/releases.js';

const path = 'docs/internals/interface.json';
const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the release after the next one may lack, in the words of this test's failure. `CHANGELOG.md` says so, too. */
const deprecated: readonly string[] = [];

/** What a part of the interface promises, by name: `needs` may only become fewer, all other lists only more. */
interface Promised {
  readonly [name: string]: Promised | readonly string[];
}
const promisedSchema: z.ZodType<Promised> = z.lazy(() =>
  z.record(z.string(), z.union([z.array(z.string()), promisedSchema])),
);

interface Schema {
  readonly $ref?: string | undefined;
  readonly type?: string | readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly items?: Schema | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly anyOf?: readonly Schema[] | undefined;
  readonly allOf?: readonly Schema[] | undefined;
  readonly oneOf?: readonly Schema[] | undefined;
}
const schemaSchema: z.ZodType<Schema> = z.lazy(() =>
  z.looseObject({
    $ref: z.string().optional(),
    type: z.union([z.string(), z.array(z.string())]).optional(),
    properties: z.record(z.string(), schemaSchema).optional(),
    required: z.array(z.string()).optional(),
    items: schemaSchema.optional(),
    enum: z.array(z.unknown()).optional(),
    anyOf: z.array(schemaSchema).optional(),
    allOf: z.array(schemaSchema).optional(),
    oneOf: z.array(schemaSchema).optional(),
  }),
);
const contentSchema = z.record(z.string(), z.looseObject({ schema: schemaSchema.optional() })).optional();
const documentSchema = z.looseObject({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        parameters: z
          .array(z.looseObject({ in: z.string(), name: z.string(), required: z.boolean().optional() }))
          .optional(),
        requestBody: z.looseObject({ content: contentSchema }).optional(),
        responses: z.record(z.string(), z.looseObject({ content: contentSchema })),
      }),
    ),
  ),
  components: z.looseObject({ schemas: z.record(z.string(), schemaSchema) }),
});
type Document = z.output<typeof documentSchema>;
type Operation = Document['paths'][string][string];

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({});
});

afterAll(async () => {
  await gateway?.stop();
});

/** All that programs and operators may rely on. */
async function present(): Promise<Promised> {
  const document = documentSchema.parse((await gateway.request('/docs/openapi.json')).json());
  const { properties = {}, required = [] } = schemaSchema.parse(z.toJSONSchema(claimsSchema));
  return {
    deprecated,
    settings: [
      ...new Set(
        [...renderEnvExample(ownFeatures).matchAll(/^# ([A-Z][A-Z\d_]*)=/gm)].map(([, name = '']) => name),
      ),
    ],
    problems: problemsWith(ownFeatures).map(({ code, status }) => `${code} ${status}`),
    scopes: [...new ScopeCatalogue(ownFeatures).scopes.keys()],
    'audit events': [...auditEventTypesWith(ownFeatures)],
    findings: Object.keys(findingCatalogue),
    metrics: Object.keys(metricCatalogue),
    claims: Object.keys(properties).map((name) => (required.includes(name) ? name : `${name}, optional`)),
    exports: [...Object.keys(entry), ...Object.keys(testing).map((name) => `testing: ${name}`)],
    operations: Object.fromEntries(
      Object.entries(document.paths).flatMap(([route, operations]) =>
        Object.entries(operations).map(([method, operation]) => [
          // Nobody sees what a part of a path is called.
          `${method.toUpperCase()} ${route.replaceAll(/\{\w+\}/g, '{}')}`,
          operationIn(document, operation),
        ]),
      ),
    ),
  };
}

function operationIn(document: Document, { parameters = [], requestBody, responses }: Operation): Promised {
  const named = parameters.filter((parameter) => parameter.in !== 'path');
  const bodies = Object.entries(requestBody?.content ?? {}).map(
    ([type, { schema = {} }]) => [type, membersIn(document, schema, '')] as const,
  );
  return {
    accepts: [
      ...named.map((parameter) => `${parameter.in} ${parameter.name}`),
      ...bodies.flatMap(([type, members]) => [type, ...members.map(({ text }) => `${type}: ${text}`)]),
    ],
    needs: [
      ...named
        .filter((parameter) => parameter.required === true)
        .map((parameter) => `${parameter.in} ${parameter.name}`),
      ...bodies.flatMap(([type, members]) =>
        members.filter(({ isRequired }) => isRequired).map(({ place }) => `${type}: ${place}`),
      ),
    ],
    answers: Object.fromEntries(
      Object.entries(responses)
        .filter(([status]) => /^[23]/.test(status))
        .map(([status, { content = {} }]) => [
          status,
          Object.entries(content).flatMap(([type, { schema = {} }]) => [
            type,
            // An answer may have a new value some day, a request's old ones stay.
            ...membersIn(document, schema, '')
              .filter(({ isValue }) => !isValue)
              .map(({ text, isRequired }) => `${type}: ${text}${isRequired ? ', always' : ''}`),
          ]),
        ]),
    ),
  };
}

interface Member {
  readonly place: string;
  /** Its place with its type, or with one of its values. */
  readonly text: string;
  readonly isValue: boolean;
  readonly isRequired: boolean;
}

/** Each member of a body with its type, and with each of its values if they are listed. */
function membersIn(document: Document, given: Schema, place: string, isRequired = false): readonly Member[] {
  const { type, properties = {}, required = [], items, ...others } = resolved(document, given);
  const types = type === undefined || place === '' ? [] : [`${place} ${[type].flat().join(' or ')}`];
  const values = place === '' ? [] : (others.enum ?? []).map((value) => `${place} = ${String(value)}`);
  const parts = [others.allOf, others.anyOf, others.oneOf].flatMap((list) => list ?? []);
  const found = [
    ...types.map((text) => ({ place, text, isValue: false, isRequired })),
    ...values.map((text) => ({ place, text, isValue: true, isRequired: false })),
    ...Object.entries(properties).flatMap(([name, member]) =>
      membersIn(document, member, place === '' ? name : `${place}.${name}`, required.includes(name)),
    ),
    ...(items === undefined ? [] : membersIn(document, items, `${place}[]`)),
    ...parts.flatMap((part) => membersIn(document, part, place, isRequired)),
  ];
  return found.filter(({ text }, index) => found.findIndex((other) => other.text === text) === index);
}

function resolved({ components }: Document, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return (name === undefined ? undefined : components.schemas[name]) ?? schema;
}

/** What was promised and no longer holds, by its place. */
function broken(before: Promised, now: Promised, place: string): readonly string[] {
  return Object.entries(before).flatMap(([name, promised]) => {
    const current = now[name];
    const at = `${place}${name}`;
    if (!isList(promised)) {
      return current === undefined || isList(current)
        ? [`${at} is gone`]
        : broken(promised, current, `${at}: `);
    }
    const list = isList(current) ? current : [];
    const accepted = isList(before['accepts']) ? before['accepts'] : [];
    return name === 'needs'
      ? list
          .filter((need) => !promised.includes(need) && !isOfNewMember(need, accepted))
          .map((need) => `${at} ${need}`)
      : promised.filter((one) => !list.includes(one)).map((one) => `${at}: ${one} is gone`);
  });
}

/** Whether a need is that of a member's own: nobody who leaves a new member out needs what belongs into it. */
function isOfNewMember(need: string, accepted: readonly string[]): boolean {
  const [, parent] = /^(.+?)(?:\[\])*\.[^.:]+$/.exec(need) ?? [];
  return parent !== undefined && !accepted.some((one) => one.startsWith(`${parent} `));
}

/** The same in the order of names: a part that moves in the code changes nothing. */
function sorted(promised: Promised): Promised {
  return Object.fromEntries(
    Object.entries(promised)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, member]) => [name, isList(member) ? member.toSorted() : sorted(member)]),
  );
}

function isList(promised: Promised | readonly string[] | undefined): promised is readonly string[] {
  return Array.isArray(promised);
}

it('docs/internals/interface.json is what programs and operators may rely on', async () => {
  const text = `${JSON.stringify(sorted(await present()), undefined, 1)}\n`;
  expect(text.split('\n').length).toBeGreaterThan(1000);
  await expect(text).toMatchFileSnapshot(fileURLToPath(new URL(`../../${path}`, import.meta.url)));
});

it('nothing that the last release promised is gone, unless it called it deprecated, and nothing needs more', async () => {
  const last = releases.at(-1) ?? { commit: '' };
  expect(last.commit).toMatch(/^[0-9a-f]{40}$/);
  const { deprecated = [], ...promised } = await promisedAt(last.commit);
  const lost = broken(promised, await present(), '');
  expect(lost.filter((line) => !(isList(deprecated) && deprecated.includes(line)))).toEqual([]);
});

it('what a promise loses is found, and what it gains is not', async () => {
  const now = await present();
  expect(broken(now, { ...now, more: ['one'] }, '')).toEqual([]);
  const list = 'GET /api/v1/users';
  const operations = { [list]: { accepts: ['limit'], needs: [], answers: { 200: ['items array'] } } };
  const changed = { [list]: { accepts: [], needs: ['limit'], answers: { 200: ['items object'] } } };
  expect(broken({ scopes: ['a'], operations }, { scopes: [], operations: changed }, '')).toEqual([
    'scopes: a is gone',
    `operations: ${list}: accepts: limit is gone`,
    `operations: ${list}: needs limit`,
    `operations: ${list}: answers: 200: items array is gone`,
  ]);
  expect(broken({ operations }, { operations: {} }, '')).toEqual([`operations: ${list} is gone`]);
  expect(broken({ operations: changed }, { operations }, '')).not.toContainEqual(
    expect.stringContaining('needs'),
  );
  // What a new member needs in itself is nothing that a known one did without.
  const known = { accepts: ['body: known object'], needs: [] };
  const needs = ['body: new.part', 'body: new.parts[].part', 'body: known.part', 'body: known[].part'];
  expect(broken({ [list]: known }, { [list]: { ...known, needs } }, '')).toEqual([
    `${list}: needs body: known.part`,
    `${list}: needs body: known[].part`,
  ]);
});

async function promisedAt(commit: string): Promise<Promised> {
  const { stdout } = await promisify(execFile)('git', ['show', `${commit}:${path}`], {
    cwd: root,
    maxBuffer: 2 ** 24,
  });
  return promisedSchema.parse(JSON.parse(stdout));
}
