import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findingCatalogue } from '../../src/doctor/finding.catalogue.js';

const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const codes = Object.keys(findingCatalogue).sort();

/** Where findings are made: everything but the catalogue itself. */
const sources = ['src/doctor', 'src/cli'].flatMap((folder) =>
  readdirSync(new URL(`../../${folder}`, import.meta.url))
    .filter((name) => name.endsWith('.ts') && !/(?:\.findings|\.spec)\.ts$/.test(name))
    .map((name) => text(`${folder}/${name}`)),
);

describe('docs/doctor.md', () => {
  it('lists every code, and none that there is not', () => {
    const explained = [...text('docs/doctor.md').matchAll(/^- `(\w+)`(?: \(warning\))?: /gm)].map(
      ([, code]) => code,
    );
    expect(explained.sort()).toEqual(codes);
  });

  it('every code can be found: some check names it', () => {
    const all = sources.join('\n');
    expect(sources.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !all.includes(`'${code}'`))).toEqual([]);
  });
});
