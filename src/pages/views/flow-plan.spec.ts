import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type FlowNode, parseFlow } from '../flow.parser.js';
import { type FlowKind, isScripted, planForms } from './flow-plan.js';

/** A flow recorded from a real Kratos 1.3.1 (long values are cut). */
function recorded(name: string): readonly FlowNode[] {
  const content: unknown = JSON.parse(
    readFileSync(new URL(`../../../test/support/recorded-flows/${name}.json`, import.meta.url), 'utf8'),
  );
  return parseFlow(content).ui.nodes;
}

function brief(node: FlowNode): string {
  return node.type === 'input' ? `${node.attributes.name}=${node.attributes.type}` : node.type;
}

function plan(kind: FlowKind, name: string): readonly (readonly (readonly string[])[])[] {
  return planForms(kind, recorded(name)).map(({ sections }) => sections.map((nodes) => nodes.map(brief)));
}

describe('planForms', () => {
  it('gives other providers their own form, and puts the password before the code', () => {
    expect(plan('login', 'login')).toEqual([
      [['provider=submit']],
      [
        ['identifier=text', 'password=password', 'method=submit'],
        ['method=submit'],
        ['passkey_login_trigger=button', 'passkey_login=hidden', 'passkey_challenge=hidden'],
      ],
    ]);
  });

  it('puts what needs a script behind what works without, beside the fields that it reads', () => {
    const [form, ...others] = planForms('registration', recorded('registration-one-step-passkey'));
    expect(others).toEqual([]);
    expect(form?.scripted).toBe(false);
    expect(form?.sections.map((nodes) => [nodes.map(brief), isScripted(nodes)])).toEqual([
      [['traits.email=email', 'traits.name=text', 'password=password', 'method=submit'], false],
      [['passkey_register=hidden', 'passkey_register_trigger=button', 'passkey_create_data=hidden'], true],
    ]);
  });

  it('never lets Enter in the name of a new key remove another', () => {
    const nodes = recorded('settings-saved');
    const remove = nodes.find((node) => node.type === 'input' && node.attributes.name === 'method');
    const removes =
      remove?.type === 'input'
        ? [{ ...remove, group: 'webauthn', attributes: { ...remove.attributes, name: 'webauthn_remove' } }]
        : [];
    const forms = planForms('settings', [...removes, ...nodes]).filter(({ group }) => group === 'webauthn');
    expect(forms.map(({ sections, scripted }) => [sections.flat().map(brief), scripted])).toEqual([
      [['webauthn_remove=submit'], false],
      [
        [
          'webauthn_register_displayname=text',
          'webauthn_register=hidden',
          'webauthn_register_trigger=button',
        ],
        true,
      ],
    ]);
  });

  it('gives ways that share no field a form each', () => {
    expect(plan('login', 'login-aal2')).toEqual([
      [['totp_code=text', 'method=submit']],
      [['lookup_secret=text', 'method=submit']],
    ]);
  });

  it('puts the way back last, and sends the earlier answers along with each form', () => {
    const forms = planForms('registration', recorded('registration-second-step'));
    expect(forms.map(({ group, back }) => [group, back])).toEqual([
      ['password', false],
      ['code', false],
      ['passkey', false],
      ['profile', true],
    ]);
    for (const { hidden } of forms) {
      expect(hidden.map(({ attributes }) => attributes.name)).toEqual([
        'traits.email',
        'traits.name',
        'csrf_token',
      ]);
    }
  });

  it('asks for the password last, and leaves what can wait to the settings', () => {
    expect(plan('registration', 'registration-one-step')).toEqual([
      [['traits.email=email', 'traits.name=text', 'password=password', 'method=submit']],
    ]);
  });

  it.each([
    ['a value', { value: 'https://example.org/ada.png' }, []],
    ['a message', {}, [{ id: 4000001, text: 'not a URL', context: {}, type: 'error' as const }]],
    ['to be filled in', { required: true }, []],
  ])('shows at registration what could wait, when it has %s', (_what, attributes, messages) => {
    const nodes = recorded('registration-one-step').map((node) =>
      node.type === 'input' && node.attributes.type === 'url'
        ? { ...node, messages, attributes: { ...node.attributes, ...attributes } }
        : node,
    );
    const [form] = planForms('registration', nodes);
    expect(form?.sections.flat().map(brief)).toContain('traits.picture=url');
  });

  it('gives every group of the settings a form, each in its own place whatever it shows', () => {
    for (const name of ['settings-saved', 'settings-lookup']) {
      expect(planForms('settings', recorded(name)).map(({ group }) => group)).toEqual([
        'profile',
        'password',
        'passkey',
        'totp',
        'webauthn',
        'lookup_secret',
        'oidc',
      ]);
    }
  });

  it('leaves out a button that calls what it does not know', () => {
    const nodes = recorded('settings-saved').map((node) =>
      node.type === 'input' && node.attributes.type === 'button'
        ? { ...node, attributes: { ...node.attributes, onclickTrigger: undefined } }
        : node,
    );
    const names = planForms('settings', nodes).flatMap(({ sections }) => sections.flat().map(brief));
    expect(names.filter((name) => name.endsWith('=button'))).toEqual([]);
  });

  it('makes nothing of nothing', () => {
    expect(planForms('login', [])).toEqual([]);
  });
});
