import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type DocumentBlock, blocksOf, documents, markOf } from '../support/document.blocks.js';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const specs = ['src', 'test'].flatMap((folder) =>
  readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.spec\.tsx?$/.test(name))
    .map((name) => `${folder}/${name}`),
);

/** What is wrong with a block's mark; nothing where all is well. */
function faultOf(block: DocumentBlock): string | undefined {
  const mark = markOf(block);
  switch (mark?.kind) {
    case 'run': {
      if (!existsSync(new URL(mark.spec, root))) {
        return `${mark.spec} isn't there`;
      }
      const source = read(mark.spec);
      const takesIt = source.includes(block.path) && /\bblocks?RunBy\(/.test(source);
      return takesIt && (mark.name ?? '').split(' ').every((word) => source.includes(word))
        ? undefined
        : `${mark.spec} doesn't take it from ${block.path}`;
    }
    case 'not run':
      return mark.reason.split(' ').length < 4 || /\byet\b/.test(mark.reason)
        ? 'that is no reason'
        : undefined;
    case 'file': {
      if (!existsSync(new URL(mark.path, root)) || read(mark.path) !== block.code) {
        return `it isn't what ${mark.path} holds`;
      }
      const folder = mark.path.split('/').slice(0, 2).join('/');
      return specs.some((spec) => read(spec).includes(folder)) ? undefined : `no spec runs ${folder}`;
    }
    default:
      return 'it has no mark: <!-- run: path of a spec -->, <!-- not run: why --> or <!-- examples/… -->';
  }
}

const isDrawing = ({ language }: DocumentBlock): boolean => language === 'mermaid';

const blocks = documents().flatMap((path) => blocksOf(path).filter((block) => !isDrawing(block)));

it('the documents have blocks', () => {
  expect(blocks.length).toBeGreaterThan(40);
});

it.each(blocks.map((block) => [`${block.path}:${block.line}`, block] as const))(
  'the block at %s is run by a spec, or says why not',
  (_place, block) => {
    expect(faultOf(block)).toBeUndefined();
  },
);

describe('a mark that is not true', () => {
  const of = (mark: string, code = 'true\n'): string | undefined => {
    const [block] = blocksOf('README.md', `Text.\n\n${mark}\n\n\`\`\`sh\n${code}\`\`\`\n`);
    return block === undefined ? 'no block' : faultOf(block);
  };

  it.each([
    ['Nothing above it.', 'it has no mark'],
    ['<!-- run: test/journeys -->', 'it has no mark'],
    ['<!-- run: test/journeys/no-such.spec.ts -->', "isn't there"],
    ['<!-- run: test/docs/doctor.spec.ts -->', "doesn't take it"],
    ['<!-- run: test/journeys/readme-commands.spec.ts, no such name -->', "doesn't take it"],
    ['<!-- not run: no test runs this block yet -->', 'no reason'],
    ['<!-- not run: later -->', 'no reason'],
    ['<!-- examples/notes/notes.module.ts -->', "isn't what"],
  ])('%s is found', (mark, fault) => {
    expect(of(mark)).toContain(fault);
  });

  it('a true one is none', () => {
    expect(of('<!-- not run: it needs a container engine -->')).toBeUndefined();
    expect(of('<!-- run: test/journeys/readme-commands.spec.ts -->')).toBeUndefined();
  });
});
