import { ModulesContainer } from '@nestjs/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { REQUIRED_ROLE, REQUIRED_SCOPES } from '../../src/session/guards/access.decorators.js';
import { administratorScopes, fullScope, scopeCatalogue } from '../../src/session/guards/scopes.js';
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

it('the scopes of administrators are those of which every route requires the role', () => {
  const all = routes();
  const expected = Object.keys(scopeCatalogue).filter((scope) => {
    const naming = all.filter(({ scopes }) => scopes.includes(scope));
    expect([scope, naming.length > 0 || scope === fullScope]).toEqual([scope, true]);
    return naming.length > 0 && naming.every(({ isForAdministrators }) => isForAdministrators);
  });
  expect(expected.toSorted()).toEqual(administratorScopes.toSorted());
});
