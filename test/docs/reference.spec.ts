import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { claimsSchema } from '../../src/session/tokens/claims.schema.js';
import { scopeCatalogue } from '../../src/session/guards/scopes.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { expectSections } from './marked.section.js';

const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), z.looseObject({ summary: z.string() }))),
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

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

it('docs/api.md lists every operation of the OpenAPI document', async () => {
  const { paths } = documentSchema.parse((await gateway.request('/docs/openapi.json')).json());
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { summary }]) => [
      `\`${method.toUpperCase()} ${path}\``,
      summary,
    ]),
  );
  expect(rows.length).toBeGreaterThan(40);
  await expectSections('docs/api.md', { operations: table(['Operation', 'What it does'], rows) });
});

it('docs/api.md states no operation twice', async () => {
  const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8');
  const operations = text
    .split('\n')
    .flatMap((line) => /^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`/.exec(line)?.[1] ?? []);
  expect(operations.length).toBeGreaterThan(40);
  expect(operations.filter((line, index) => operations.indexOf(line) !== index)).toEqual([]);
});

it('docs/api.md lists every scope and describes every claim', async () => {
  const scopes = Object.entries(scopeCatalogue).map(([scope, opens]) => [`\`${scope}\``, opens]);
  const { properties = {}, required = [] } = z.toJSONSchema(claimsSchema);
  const claims = Object.entries(properties).map(([name, given]) => {
    const { type, enum: values, description = '' } = claimSchema.parse(given);
    const form =
      values === undefined ? [type].flat().join(' or ') : values.map((value) => `\`${value}\``).join(', ');
    expect(description, `${name} has no description`).not.toBe('');
    return [`\`${name}\``, form, required.includes(name) ? 'always' : 'when known', description];
  });
  await expectSections('docs/api.md', {
    scopes: table(['Scope', 'Opens'], scopes),
    claims: table(['Claim', 'Type', 'Present', 'Meaning'], claims),
  });
});
