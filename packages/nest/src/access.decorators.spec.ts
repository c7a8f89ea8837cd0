import { expect, it } from 'vitest';
import {
  Public,
  RequireAuthAge,
  RequireOrg,
  RequireRole,
  RequireScope,
  accessOf,
} from './access.decorators.js';

it.each([
  ['@RequireRole(undefined)', RequireRole, [undefined]],
  ["@RequireRole('')", RequireRole, ['']],
  ['@RequireScope()', RequireScope, []],
  ['@RequireScope(undefined)', RequireScope, [undefined]],
  ['@RequireOrg(undefined)', RequireOrg, [undefined]],
  ["@RequireOrg('king')", RequireOrg, ['king']],
  ['@RequireAuthAge(undefined)', RequireAuthAge, [undefined]],
  ['@RequireAuthAge(NaN)', RequireAuthAge, [Number.NaN]],
])('%s is an error when the class is declared: it would require nothing', (_text, decorator, given) => {
  expect(() => Reflect.apply(decorator, undefined, given)).toThrow(TypeError);
});

it('a class is not open because the one that it extends is', () => {
  class Open {
    hello(): void {}
  }
  Public()(Open);
  class Closed extends Open {}
  expect(accessOf(Open.prototype.hello, Open)).toBe('public');
  expect(accessOf(Closed.prototype.hello, Closed)).toBeUndefined();
});
