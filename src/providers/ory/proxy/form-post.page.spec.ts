import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formPostIn } from './form-post.page.js';

/** Hydra 2.3's page (fosite 0.49), with values as Go's html/template writes them. */
function hydraPage(action: string, fields: readonly (readonly [string, string])[]): string {
  const inputs = fields.map(
    ([name, value]) => `
            
		      <input type="hidden" name="${escaped(name)}" value="${escaped(value)}"/>
            
         `,
  );
  return `<html>
   <head>
      <title>Submit This Form</title>
   </head>
   <body onload="javascript:document.forms[0].submit()">
      <form method="post" action="${escaped(action)}">
         ${inputs.join('')}
      </form>
   </body>
</html>`;
}

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
  '+': '&#43;',
};
const escaped = (text: string): string =>
  text.replace(/[&<>"'+]/g, (character) => references[character] ?? character);

describe('formPostIn', () => {
  it('reads the form of Hydra’s page', () => {
    const fields = [
      ['code', 'ory_ac_a+b'],
      ['state', `"><'&amp;`],
    ] as const;
    const action = 'https://app.example.org/back?a=1&b=2';
    expect(formPostIn(hydraPage(action, fields))).toEqual({ action, fields });
  });

  it('reads whatever an application may send as its state', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (state) => {
        const post = formPostIn(hydraPage('https://app.example.org/', [['state', state]]));
        expect(post?.fields).toEqual([['state', state]]);
      }),
      { numRuns: 500 },
    );
  });

  it('reads references by number', () => {
    const html = '<form action="https://a.example/"><input name="a" value="&#x1F600;&#228;&nope;&#9999999;">';
    expect(formPostIn(html)?.fields).toEqual([['a', '😀ä&nope;&#9999999;']]);
  });

  it.each([
    '',
    '<html><body>Hello</body></html>',
    '<form method="post" action="https://app.example.org/"></form>',
    '<form method="post" action="/back"><input type="hidden" name="a" value="b"/></form>',
    '<form method="post"><input type="hidden" name="a" value="b"/></form>',
  ])('another page is none: %s', (html) => {
    expect(formPostIn(html)).toBeUndefined();
  });
});
