import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { expect, it } from 'vitest';
import type { z } from 'zod';
import { ownFeatures } from '../../src/app/features.js';
import { commonVariables } from '../../src/platform/config/common.variables.js';
import {
  auth0Variables,
  oidcVariables,
  oryVariables,
  oryVariablesWith,
} from '../../src/platform/config/provider.variables.js';
import { variableDocs } from '../../src/platform/config/variable.js';

const shapes: Readonly<Record<string, z.ZodType>> = {
  ...commonVariables.shape,
  ...oryVariables.shape,
  ...auth0Variables.shape,
  ...oidcVariables.shape,
  ...Object.assign({}, ...ownFeatures.map(({ variables }) => variables.shape)),
};

const kinds = ownFeatures.flatMap(({ connectionKind }) => connectionKind ?? []);
/** As a configuration with all features reads them. */
const read: typeof shapes = { ...shapes, ...oryVariablesWith(kinds).shape };

it('every variable has a description of its own', () => {
  const descriptions = Object.values(shapes).map((schema) => variableDocs.get(schema)?.description);
  expect(descriptions.length).toBeGreaterThan(30);
  expect(descriptions).not.toContain(undefined);
  expect(new Set(descriptions).size).toBe(descriptions.length);
});

it('every default is accepted as .env.example writes it', () => {
  const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
  const lines = [...example.matchAll(/^# ([A-Z][A-Z0-9_]+=.+)$/gm)].map(([, line = '']) => line);
  expect(lines.length).toBeGreaterThan(30);
  for (const line of lines) {
    // As Node reads the file when the line is no comment any more.
    const [[name = '', value] = []] = Object.entries(parseEnv(line));
    const documented = variableDocs.get(shapes[name] ?? commonVariables);
    expect(value, name).toBe(documented?.example ?? value);
    expect(read[name]?.safeParse(value).success, name).toBe(true);
  }
});
