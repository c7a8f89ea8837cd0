import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { connectionSettingNames } from '../../src/platform/config/connections.parser.js';

it('docs/connections.md names every setting of a connection, and no other', () => {
  const page = readFileSync(new URL('../../docs/connections.md', import.meta.url), 'utf8');
  const [, table = ''] = /\n## Settings\n([\s\S]*?)\n## /.exec(page) ?? [];
  const cells = table.split('\n').flatMap((line) => /^\| (`[^|]+)\|/.exec(line)?.[1] ?? []);
  const named = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  // The password itself is told of beside the file.
  expect([...named, 'bind_password'].toSorted()).toEqual([...connectionSettingNames].toSorted());
});
