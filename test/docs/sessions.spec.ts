import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const document = readFileSync(new URL('../../docs/internals/sessions.md', import.meta.url), 'utf8');
const diagrams = [...document.matchAll(/```mermaid\nstateDiagram-v2\n([\s\S]*?)```/g)].map(
  ([, diagram = '']) => diagram,
);
/** Labels of the arrows; an arrow without one is the end of what has ended. */
const arrows = new Set(
  diagrams.flatMap((diagram) => [...diagram.matchAll(/-->.*?: (.+)$/gm)].map(([, label = '']) => label)),
);
const rows = [
  ...document.matchAll(/^\| ([^|]+?) +\| [^|]+ \| ((?:src|test)\/[\w./-]+) › ([^|]+?) +\|$/gm),
].map(([, arrow = '', file = '', title = '']) => ({ arrow, file, title }));
/** Those of the other tables, too. */
const named = [...document.matchAll(/ ((?:src|test)\/[\w./-]+) › ([^|]+?) +\|$/gm)].flatMap(
  ([, file = '', titles = '']) => titles.split('; ').map((title) => ({ file, title })),
);

describe('docs/internals/sessions.md', () => {
  it('names a test for every arrow of both diagrams, and for nothing else', () => {
    expect(diagrams).toHaveLength(2);
    expect(arrows.size).toBeGreaterThan(20);
    expect(new Set(rows.map(({ arrow }) => arrow))).toEqual(arrows);
  });

  it.each(named)('$file has the test “$title”', ({ file, title }) => {
    const path = new URL(`../../${file}`, import.meta.url);
    expect(existsSync(path)).toBe(true);
    const tests = [
      ...readFileSync(path, 'utf8').matchAll(/\b(?:it|row)(?:\.each\([\s\S]*?\))?\(\s*[`'"](.+)[`'"],/g),
    ];
    expect(tests.map(([, name = '']) => name).filter((name) => name.includes(title))).not.toEqual([]);
  });
});
