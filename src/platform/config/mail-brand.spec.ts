import { describe, expect, it } from 'vitest';
import { brandedTemplate, inBrandColor, mailStyle } from './mail-brand.js';

describe("a mail's brand", () => {
  it('is text in the mail, and never a part of the template or the markup', () => {
    const name = "{{ .Identity }}<b>$& & 'Sons'";
    expect(brandedTemplate('<div>Vestibule</div>', { name }, true)).toBe(
      '<div>&#123;&#123; .Identity }}&lt;b&gt;$&amp; &amp; &#39;Sons&#39;</div>',
    );
    expect(brandedTemplate('-- \nVestibule', { name }, false)).toBe("-- \n{ { .Identity }}<b>$& & 'Sons'");
  });

  it('colours the bar and the button, whose text can be read', () => {
    expect(inBrandColor(mailStyle, '#7a1f5c')).toContain('background: #7a1f5c; color: #ffffff;');
    expect(inBrandColor(mailStyle, '#ffe08a')).toContain('background: #ffe08a; color: #101617;');
    expect(inBrandColor(mailStyle, '#ffe08a')).not.toContain('#0d6861');
    expect(inBrandColor(mailStyle, undefined)).toBe(mailStyle);
  });
});
