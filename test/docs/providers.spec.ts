import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { renderContractTable, rowOf, rowTitles } from '../support/contract.table.js';

const path = new URL('../../docs/internals/provider-contract.md', import.meta.url);
const start = '<!-- contract-table:start -->';
const end = '<!-- contract-table:end -->';

describe('the table of what is the same under each provider', () => {
  it('in docs/internals/provider-contract.md is what the suite has; `npx vitest run test/docs/providers.spec.ts -u` writes it', async () => {
    const document = readFileSync(path, 'utf8');
    const [before = '', rest = ''] = document.split(start);
    const [, after = ''] = rest.split(end);
    expect(after).not.toBe('');
    const table = (await format(renderContractTable(), { parser: 'markdown' })).trim();
    await expect(`${before}${start}\n\n${table}\n\n${end}${after}`).toMatchFileSnapshot(fileURLToPath(path));
  });

  it.each(rowTitles)('"%s" is in exactly the file that the table names, once', (title) => {
    const file = new URL(`../contract/strategy/${rowOf(title).spec}.spec.ts`, import.meta.url);
    const calls = readFileSync(file, 'utf8').matchAll(/\brow\(\s*'([^']+)'/g);
    expect([...calls].filter(([, name]) => name === title)).toHaveLength(1);
  });
});
