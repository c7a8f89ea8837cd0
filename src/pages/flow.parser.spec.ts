import { describe, expect, it } from 'vitest';
import { parseFlow } from './flow.parser.js';

function flowWith(nodes: readonly unknown[], ui: Record<string, unknown> = {}): unknown {
  return { id: 'f', ui: { action: 'http://localhost:3000/ory/kratos/x', method: 'POST', nodes, ...ui } };
}

const field = {
  type: 'input',
  group: 'password',
  attributes: { name: 'password', type: 'password' },
  meta: {},
};

describe('parseFlow', () => {
  it("knows Kratos' scripts and the functions in them, and no others", () => {
    const node = { group: 'webauthn', messages: [], meta: {} };
    const button = (onclickTrigger: string) => ({
      ...node,
      type: 'input',
      attributes: { name: 'x', type: 'button', onclickTrigger },
    });
    const script = (src: string) => ({ ...node, type: 'script', attributes: { src, integrity: 'sha512-x' } });
    const { ui } = parseFlow({
      id: 'f',
      ui: {
        action: 'https://auth.example.org/',
        nodes: [
          button('oryPasskeyLogin'),
          button('eval'),
          script('https://auth.example.org/webauthn.js'),
          script('javascript:alert(1)'),
        ],
      },
    });
    expect(
      ui.nodes.map((each) => (each.type === 'input' ? each.attributes.onclickTrigger : each.type)),
    ).toEqual(['oryPasskeyLogin', undefined]);
    expect(ui.scripts.map(({ attributes }) => attributes)).toEqual([
      { src: 'https://auth.example.org/webauthn.js', integrity: 'sha512-x' },
    ]);
  });

  it('keeps the nodes it knows, in order, and leaves the others out', () => {
    const script = { type: 'script', group: 'webauthn', attributes: { src: 'https://a.example/x.js' } };
    const flow = parseFlow(flowWith([{ type: 'hologram' }, field, null, 7, 'input', [], script]));
    expect(flow.ui.nodes.map(({ type }) => type)).toEqual(['input']);
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'vbscript:x',
  ])('leaves out a link and an image with the address %j', (address) => {
    const nodes = [
      { type: 'a', group: 'code', attributes: { href: address } },
      { type: 'img', group: 'totp', attributes: { src: address } },
    ];
    expect(parseFlow(flowWith(nodes)).ui.nodes).toEqual([]);
  });

  it.each(['javascript:alert(1)', '/relative', '', 7, null])('refuses the form action %j', (action) => {
    expect(() => parseFlow(flowWith([], { action }))).toThrow(
      expect.objectContaining({ reason: 'kratos_flow_unreadable' }),
    );
  });

  it.each([undefined, null, 'flow', 7, [], {}, { id: 'f' }, { id: 'f', ui: null }])('refuses %j', (input) => {
    expect(() => parseFlow(input)).toThrow(expect.objectContaining({ reason: 'kratos_flow_unreadable' }));
  });

  it('takes values that are strings, numbers or booleans, and no others', () => {
    const values = ['x', 3, false, { a: 1 }, ['x'], null];
    const nodes = values.map((value) => ({ ...field, attributes: { ...field.attributes, value } }));
    const parsed = parseFlow(flowWith(nodes)).ui.nodes;
    expect(parsed.map((node) => node.type === 'input' && node.attributes.value)).toEqual([
      'x',
      3,
      false,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('reads messages one by one', () => {
    const context = { reason: 'r', limit: 8, nested: {}, list: ['x'], none: null };
    const messages = [
      { id: 1, text: 'a', type: 'error', context },
      { id: 'x' },
      { id: 2, text: 'b', type: 'odd' },
    ];
    expect(parseFlow(flowWith([], { messages })).ui.messages).toEqual([
      { id: 1, text: 'a', type: 'error', context: { reason: 'r', limit: 8 } },
      { id: 2, text: 'b', type: 'info', context: {} },
    ]);
  });
});
