import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const folder = new URL('../../examples/notes/', import.meta.url);
const document = readFileSync(new URL('../../docs/adopting.md', import.meta.url), 'utf8');
const blocks = new Map(
  [...document.matchAll(/<!-- examples\/notes\/(\S+) -->\n\n```ts\n([\s\S]*?)\n```/g)].map(
    ([, file = '', code = '']) => [file, code],
  ),
);
const files = readdirSync(folder);

describe('docs/adopting.md', () => {
  it.each(files)(
    '%s imports packages and its neighbours, and of Vestibule the public entry point alone',
    (file) => {
      const code = readFileSync(new URL(file, folder), 'utf8');
      const imported = [...code.matchAll(/(?:from|import) '([^']+)'/g)].map(([, name = '']) => name);
      expect(imported.length).toBeGreaterThan(0);
      for (const name of imported) {
        expect(name).toMatch(
          /^(?:\.\/[\w.-]+\.js|@vestibule-auth\/vestibule|@nestjs\/(?:common|swagger)|zod|kysely)$/,
        );
      }
    },
  );

  it('shows every file of the example, or links to it', () => {
    expect(files.length).toBeGreaterThan(5);
    const linked = files.filter((file) => document.includes(`](../examples/notes/${file})`));
    expect([...blocks.keys(), ...linked].toSorted()).toEqual(files.toSorted());
  });

  it.each([...blocks.keys()])('%s is what the file says', (file) => {
    expect(`${blocks.get(file)}\n`).toBe(readFileSync(new URL(file, folder), 'utf8'));
  });

  it('names every decorator that there is', () => {
    for (const source of ['access.decorators', 'step-up.decorators']) {
      const code = readFileSync(new URL(`../../src/session/guards/${source}.ts`, import.meta.url), 'utf8');
      const names = [...code.matchAll(/^export (?:const|function) ([A-Z][a-z]\w+)/gm)].map(
        ([, name = '']) => name,
      );
      expect(names.length).toBeGreaterThan(1);
      for (const name of names) {
        expect(document).toContain(`@${name}(`);
      }
    }
  });
});
