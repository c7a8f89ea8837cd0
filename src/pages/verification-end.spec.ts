import { describe, expect, it } from 'vitest';
import { type Flow, parseFlow } from './flow.parser.js';
import { withoutNeed } from './verification-end.js';

/** A verification as Kratos answers it when a link or a code was wrong. */
const flowWith = (id: number): Flow =>
  parseFlow({
    id: '0b8c',
    state: 'sent_email',
    ui: {
      action: 'https://auth.example.test/ory/kratos/self-service/verification?flow=0b8c',
      method: 'POST',
      nodes: [{ type: 'input', group: 'code', attributes: { name: 'code', type: 'text' } }],
      messages: [{ id, type: 'error', text: 'An error of Kratos' }],
    },
  });

describe('a verification of an address that is verified already', () => {
  it('ends well if its link was used before', () => {
    const { state, ui } = withoutNeed(flowWith(4_070_002));
    expect([state, ui.messages, ui.nodes.map(({ type }) => type)]).toEqual(['passed_challenge', [], ['a']]);
  });

  it('tells of another error, such as a wrong code', () => {
    const flow = flowWith(4_070_006);
    expect(withoutNeed(flow)).toBe(flow);
  });
});
