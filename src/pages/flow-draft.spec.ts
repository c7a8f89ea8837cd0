import { describe, expect, it } from 'vitest';
import { withLoginHint } from './flow-draft.js';
import { type Flow, parseFlow } from './flow.parser.js';

const field = (name: string, value?: string, type = 'text') => ({
  type: 'input',
  group: 'default',
  attributes: { name, type, ...(value === undefined ? {} : { value }) },
});

function flowWith(...nodes: readonly object[]): Flow {
  return parseFlow({ id: 'f-1', ui: { action: 'https://auth.example.org/', method: 'POST', nodes } });
}

const valuesOf = ({ ui }: Flow) =>
  ui.nodes.map((node) => (node.type === 'input' ? node.attributes.value : undefined));

describe('withLoginHint', () => {
  it.each([
    ['login', 'identifier'],
    ['registration', 'traits.email'],
    ['recovery', 'email'],
  ] as const)('%s: fills in %s and nothing else', (kind, name) => {
    const flow = flowWith(field(name), field('traits.name'), field('csrf_token', '', 'hidden'));
    expect(valuesOf(withLoginHint(kind, flow, ' ada@example.org '))).toEqual([
      'ada@example.org',
      undefined,
      '',
    ]);
  });

  it.each(['settings', 'verification'] as const)('%s: fills in nothing', (kind) => {
    const flow = flowWith(field('identifier'), field('traits.email'), field('email'));
    expect(withLoginHint(kind, flow, 'ada@example.org')).toBe(flow);
  });

  it('leaves what is there', () => {
    const flow = flowWith(field('identifier', 'typed'), field('identifier', '', 'hidden'));
    expect(valuesOf(withLoginHint('login', flow, 'ada@example.org'))).toEqual(['typed', '']);
  });

  it.each([
    undefined,
    '',
    ' \t',
    'x'.repeat(257),
    'a\nb',
    'a\u0000b',
    'a\u202Eb',
    'a\u200Bb',
    'a\u2028b',
    'a\uD800b',
  ])('%j is no hint', (hint) => {
    const flow = flowWith(field('identifier'));
    expect(withLoginHint('login', flow, hint)).toBe(flow);
  });

  it.each(['x'.repeat(256), '"><b>', 'Zoë@exämple.org', '+49 170 1234567'])('%j is one', (hint) => {
    expect(valuesOf(withLoginHint('login', flowWith(field('identifier')), hint))).toEqual([hint]);
  });
});
