import { expect, it } from 'vitest';
import { renderView } from '../../test/support/page.frame.js';

it('writes a document with a doctype, and escapes text and attributes', () => {
  const hostile = '"><script>alert(1)</script>&';
  expect(renderView(<p title={hostile}>{hostile}</p>)).toBe(
    '<!doctype html>\n<p title="&quot;>&lt;script>alert(1)&lt;/script>&amp;">&quot;>&lt;script>alert(1)&lt;/script>&amp;</p>\n',
  );
});
