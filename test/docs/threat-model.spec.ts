import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const document = readFileSync(new URL('../../docs/internals/threat-model.md', import.meta.url), 'utf8');
const diagram = /```mermaid\nflowchart LR\n([\s\S]*?)```/.exec(document)?.[1] ?? '';
const all = (pattern: RegExp, text: string): string[] =>
  [...text.matchAll(pattern)].map(([, name = '']) => name);

/** Which questions STRIDE asks of what, by its shape in the diagram. */
const elements = [
  { letters: 'SR', names: all(/^ +(\w+)\(\[/gm, diagram) },
  { letters: 'STRIDE', names: all(/^ +(\w+)\(\(/gm, diagram) },
  { letters: 'TRID', names: all(/^ +(\w+)\[\(/gm, diagram) },
  { letters: 'TID', names: [...new Set(all(/-- (F\d+) /g, diagram))] },
];
const asked = elements.flatMap(({ letters, names }) =>
  names.flatMap((name) => [...letters].map((letter) => `${name} ${letter}`)),
);
const rows = [...document.matchAll(/^\| (\w+ [STRIDE]) +\| ([^|]+?) +\| ([^|]+?) +\| ([^|]+?) +\|$/gm)].map(
  ([, threat = '', what = '', measure = '', held = '']) => ({ threat, what, measure, held }),
);
const tested = rows
  .map(({ threat, held }) => [threat, ...held.split(' › ')])
  .flatMap(([threat = '', file = '', title]) => (title === undefined ? [] : [{ threat, file, title }]));
const residual = all(/^- \*\*(R\d+)\. /gm, document);

describe('docs/internals/threat-model.md', () => {
  it('answers every question about every element and flow of the diagram, and no other', () => {
    expect(elements.map(({ names }) => names.length > 1)).toEqual([true, true, true, true]);
    expect(asked.length).toBeGreaterThan(50);
    expect(new Set(rows.map(({ threat }) => threat))).toEqual(new Set(asked));
  });

  it('every line ends in a test or in a residual risk, and every risk that is named is told', () => {
    expect(rows.filter(({ held }) => !/^(?:(?:src|test)\/[\w./-]+\.spec\.ts › .+|R\d+)$/.test(held))).toEqual(
      [],
    );
    const named = rows.flatMap(({ measure, held }) => `${measure} ${held}`.match(/\bR\d+\b/g) ?? []);
    expect(named.filter((name) => !residual.includes(name))).toEqual([]);
    expect(residual).toEqual(residual.map((_name, index) => `R${index + 1}`));
  });

  it.each(tested)('$threat: $file has that test', ({ file, title }) => {
    const path = new URL(`../../${file}`, import.meta.url);
    expect(existsSync(path)).toBe(true);
    const titles = all(
      /(?:\b(?:it|row)(?:\.(?:each|skipIf)\([\s\S]*?\))?\(\s*|^\s+)(?:'((?:[^'\\]|\\.)+)'|"[^"]+"|`[^`]+`),/gm,
      readFileSync(path, 'utf8'),
    );
    const quoted = all(/\bit(?:\.\w+\([\s\S]*?\))?\(\s*["`](.+?)["`],/g, readFileSync(path, 'utf8'));
    expect([...titles, ...quoted].filter((name) => name.includes(title))).not.toEqual([]);
  });
});
