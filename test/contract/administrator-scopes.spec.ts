import { ModulesContainer } from '@nestjs/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { REQUIRED_ROLE, REQUIRED_SCOPES } from '../../src/session/guards/access.decorators.js';
import { featuresOf } from '../../src/platform/config/configuration.js';
import { ScopeCatalogue, administratorScopes } from '../../src/platform/features/scope.catalogue.js';
import { fullScope } from '../../src/session/guards/scopes.js';
import { type Gateway, startGateway } from '../support/gateway.js';

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({});
});

afterAll(async () => {
  await gateway?.stop();
});

/** The scopes that each route names, and whether it is for administrators. */
function routes(): { readonly scopes: readonly string[]; readonly isForAdministrators: boolean }[] {
  const controllers = [...gateway.app.get(ModulesContainer).values()].flatMap((module) => [
    ...module.controllers.values(),
  ]);
  return controllers.flatMap(({ metatype }) => {
    const prototype: object = metatype?.prototype ?? {};
    return Object.getOwnPropertyNames(prototype).flatMap((name) => {
      const handler: unknown = Reflect.get(prototype, name);
      const metadataOf = (key: string): unknown =>
        typeof handler === 'function'
          ? (Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, Object(metatype)))
          : undefined;
      const scopes = metadataOf(REQUIRED_SCOPES);
      const isForAdministrators = metadataOf(REQUIRED_ROLE) === 'admin';
      return Array.isArray(scopes) ? [{ scopes: scopes.map(String), isForAdministrators }] : [];
    });
  });
}

/** The scopes that the core and the features of the deployment declare. */
function declared(): readonly string[] {
  return [...new ScopeCatalogue(featuresOf(gateway.configuration)).scopes.keys()];
}

it('every scope that a route names is declared, by the core or its feature', () => {
  const named = new Set(routes().flatMap(({ scopes }) => scopes));
  expect(named.size).toBeGreaterThan(10);
  expect([...named].filter((scope) => !declared().includes(scope))).toEqual([]);
});

it('the scopes of administrators are those of which every route requires the role', () => {
  const all = routes();
  const expected = declared().filter((scope) => {
    const naming = all.filter(({ scopes }) => scopes.includes(scope));
    expect([scope, naming.length > 0 || scope === fullScope]).toEqual([scope, true]);
    return naming.length > 0 && naming.every(({ isForAdministrators }) => isForAdministrators);
  });
  expect(expected.toSorted()).toEqual(administratorScopes.toSorted());
});
