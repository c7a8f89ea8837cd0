import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { expect } from 'vitest';

/**
 * Holds parts of a document equal to generated Markdown, each between `<!-- name:start -->` and `<!-- name:end -->`; `-u` writes
 * them.
 * @param path from the checkout's root. @param sections Markdown by name.
 */
export async function expectSections(
  path: string,
  sections: Readonly<Record<string, string>>,
): Promise<void> {
  const url = new URL(`../../${path}`, import.meta.url);
  let document = readFileSync(url, 'utf8');
  for (const [name, markdown] of Object.entries(sections)) {
    const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
    const [before = '', rest = ''] = document.split(start);
    const [, after = ''] = rest.split(end);
    expect(after, `${path} has no section ${name}`).not.toBe('');
    const formatted = (await format(markdown, { parser: 'markdown' })).trim();
    document = `${before}${start}\n\n${formatted}\n\n${end}${after}`;
  }
  await expect(document).toMatchFileSnapshot(fileURLToPath(url));
}
