import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { documents } from '../support/document.blocks.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const pagesOf = (folder: string): string[] =>
  readdirSync(join(root, folder)).filter((name) => name.endsWith('.md') && name !== 'README.md');

/** Names of a document's headings, as a link after `#` has them. */
function anchorsOf(path: string): Set<string> {
  const text = read(path).replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Relative links of a document that lead nowhere. */
function brokenLinksOf(path: string): string[] {
  const text = read(path).replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
  return [...text.matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : normalize(join(dirname(path), file));
    const isThere = existsSync(join(root, target));
    return isThere && (anchor === undefined || anchorsOf(target).has(anchor)) ? [] : [link];
  });
}

describe('links', () => {
  const pages = [...documents(), 'CHANGELOG.md', 'bench/README.md'];

  it.each(pages)('of %s lead somewhere', (path) => {
    expect(brokenLinksOf(path)).toEqual([]);
  });

  it('one that leads nowhere is found', () => {
    expect(read('README.md')).toContain('](docs/production.md)');
    expect(anchorsOf('docs/production.md')).toContain('without-a-network');
    expect(anchorsOf('docs/production.md')).not.toContain('with-a-network');
  });
});

/** Everything that names pages by their path from the checkout's root. */
const texts = ['src', 'test', 'scripts', 'bench', 'docker', 'examples', 'docs']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  )
  .filter((name) => /\.(?:[mc]?[jt]sx?|md|ya?ml|conf|c)$/.test(name) && !name.includes('node_modules/'));

it('every page that a text names is there', () => {
  expect(texts.length).toBeGreaterThan(500);
  const named = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    '.env.example',
    'docker/Dockerfile',
    ...texts,
  ].flatMap((file) =>
    [...read(file).matchAll(/(?<![\w./-])docs\/[\w/-]+\.md\b/g)].map(([page]) => ({ file, page })),
  );
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter(({ page }) => !existsSync(join(root, page)))).toEqual([]);
});

it('the README names every page for users, and that of the internals every other', () => {
  expect(pagesOf('docs').filter((name) => !read('README.md').includes(`](docs/${name})`))).toEqual([]);
  const internals = read('docs/internals/README.md');
  expect(pagesOf('docs/internals').filter((name) => !internals.includes(`](${name})`))).toEqual([]);
});
