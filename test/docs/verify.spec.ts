import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

it('docs/verify.md takes the versions of the Go modules that the example is tested with', () => {
  const tested = [...read('examples/verify/go/go.mod').matchAll(/^\t(\S+) (v\S+)$/gm)];
  const shown = [...read('docs/verify.md').matchAll(/([\w./-]+)@(v[\d.]+)/g)];
  const pairs = (found: readonly RegExpMatchArray[]): string[] =>
    found.map(([, name, version]) => `${name}@${version}`).toSorted();
  const direct = pairs(tested).filter((module) =>
    pairs(shown).some((other) => other.split('@')[0] === module.split('@')[0]),
  );
  expect(shown).toHaveLength(4);
  expect(pairs(shown)).toEqual(direct);
});
