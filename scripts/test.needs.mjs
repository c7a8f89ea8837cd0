// What test files need besides Node: the names that they, or modules of the tests that they import, give to vitest's `inject`, and the
// names of these modules.
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { root } from './prepare.mjs';

const tests = join(root, 'test') + sep;
const modules = new Map();

/**
 * @param {string} file
 * @returns {ReadonlySet<string>} what a test file needs, such as `chromiumPath` or `postgres.tools`.
 */
export function needsOf(file) {
  const needs = new Set();
  const seen = new Set();
  const left = [resolve(root, file)];
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (!seen.has(path)) {
      seen.add(path);
      const { names, imports } = readModule(path);
      names.forEach((name) => needs.add(name));
      left.push(...imports);
    }
  }
  return needs;
}

function readModule(path) {
  const known = modules.get(path);
  if (known !== undefined) {
    return known;
  }
  // Comments name what callers inject.
  const text = readFileSync(path, 'utf8').replace(/^ *(?:\/\*\*?|\*|\/\/).*$/gm, '');
  const module = {
    names: [
      basename(path).replace(/\.[a-z]+$/, ''),
      ...[...text.matchAll(/\binject\('(\w+)'\)/g)].map(([, name]) => name),
    ],
    imports: [...text.matchAll(/\bfrom '(\.{1,2}\/[^']+)\.js'/g)]
      .map(([, to]) => join(dirname(path), to))
      .flatMap((to) =>
        [`${to}.ts`, `${to}.tsx`].filter((name) => name.startsWith(tests) && existsSync(name)),
      ),
  };
  modules.set(path, module);
  return module;
}
