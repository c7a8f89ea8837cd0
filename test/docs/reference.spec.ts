import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { claimsSchema } from '../../src/session/tokens/claims.schema.js';
import { ownFeatures } from '../../src/app/features.js';
import { ScopeCatalogue } from '../../src/platform/features/scope.catalogue.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { expectSections } from './marked.section.js';

const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), z.looseObject({}))),
});
const claimSchema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.string()).optional(),
  description: z.string().optional(),
});

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({});
});

afterAll(async () => {
  await gateway?.stop();
});

it('docs/api.md lists every operation of the OpenAPI document', async () => {
  const { paths } = documentSchema.parse((await gateway.request('/docs/openapi.json')).json());
  const lines = Object.entries(paths).map(
    ([path, operations]) => `- \`${path}\`: ${Object.keys(operations).join(', ').toUpperCase()}`,
  );
  expect(lines.length).toBeGreaterThan(40);
  await expectSections('docs/api.md', { operations: lines.join('\n') });
});

it('docs/api.md states no operation twice', async () => {
  const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8');
  const paths = [...text.matchAll(/^- `(\/\S+)`/gm)].map(([, path]) => path);
  expect(paths.length).toBeGreaterThan(40);
  expect(paths.filter((path, index) => paths.indexOf(path) !== index)).toEqual([]);
});

it('docs/api.md lists every scope and describes every claim', async () => {
  const scopes = [...new ScopeCatalogue(ownFeatures).scopes].map(
    ([scope, opens]) => `- \`${scope}\`: ${opens}`,
  );
  const { properties = {}, required = [] } = z.toJSONSchema(claimsSchema);
  const claims = Object.entries(properties).map(([name, given]) => {
    const { type, enum: values, description = '' } = claimSchema.parse(given);
    const form =
      values === undefined ? [type].flat().join(' or ') : values.map((value) => `\`${value}\``).join(', ');
    expect(description, `${name} has no description`).not.toBe('');
    return `- \`${name}\` (${form}${required.includes(name) ? '' : ', optional'}): ${description}`;
  });
  await expectSections('docs/api.md', { scopes: scopes.join('\n'), claims: claims.join('\n') });
});
