import { expect, it } from 'vitest';
import { claimsMap } from '../platform/config/claims-map.parser.js';
import { rightsFromTraits } from './settings.check.js';

const directory = { id: 'company' };

it.each([
  ['department=department', [], []],
  ['app_roles=roles', [], ['app_roles']],
  ['groups=groups,locale=locale', [], ['groups']],
  // These are the directory's, and no traits.
  ['groups=groups', [directory], []],
  ['isAdmin=flags.admin,app:permissions=permissions', [directory], ['isAdmin', 'app:permissions']],
  ['tenant_groups=team.name', [directory], ['tenant_groups']],
])('of %s with connections %j, users could give themselves the rights %j', (map, connections, claims) => {
  expect(rightsFromTraits(claimsMap.parse(map.split(',')), connections.length > 0)).toEqual(claims);
});
