import { expect, it } from 'vitest';
import { commonVariables } from '../../src/config/common.variables.js';
import { auth0Variables, oidcVariables, oryVariables } from '../../src/config/provider.variables.js';
import { variableDocs } from '../../src/config/variable.js';

it('every variable has a description of its own', () => {
  const shapes = {
    ...commonVariables.shape,
    ...oryVariables.shape,
    ...auth0Variables.shape,
    ...oidcVariables.shape,
  };
  const descriptions = Object.values(shapes).map((schema) => variableDocs.get(schema)?.description);
  expect(descriptions.length).toBeGreaterThan(30);
  expect(descriptions).not.toContain(undefined);
  expect(new Set(descriptions).size).toBe(descriptions.length);
});
