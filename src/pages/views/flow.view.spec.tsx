import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Flow, parseFlow } from '../flow.parser.js';
import { flowLinks, renderView } from '../../../test/support/page.frame.js';
import { FLOW_KINDS, type FlowKind } from './flow-plan.js';
import { FlowPage } from './flow.view.js';

const folder = new URL('../../../test/support/recorded-flows/', import.meta.url);

/** A flow recorded from a real Kratos 1.3.1 (long values are cut). */
function recorded(name: string): Flow {
  const content: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
  return parseFlow(content);
}

function render(kind: FlowKind, flow: Flow): string {
  return renderView(<FlowPage kind={kind} flow={flow} links={flowLinks} />);
}

/** The opening tags of an element, for checking attributes. */
function tags(html: string, name: string): readonly string[] {
  return html.match(new RegExp(`<${name}\\b[^>]*>`, 'g')) ?? [];
}

describe('a recorded flow', () => {
  const names = readdirSync(folder).map((file) => file.replace('.json', ''));

  it.each(names)('%s: labels, descriptions and ids belong together', (name) => {
    const kind = FLOW_KINDS.find((known) => name.startsWith(known)) ?? 'login';
    const html = render(kind, recorded(name));
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...html.matchAll(/ (?:for|aria-describedby|aria-labelledby)="([^"]*)"/g)].map(
      ([, id]) => id,
    );
    expect(references.filter((id) => !ids.includes(id))).toEqual([]);
    const labels = new Set([...html.matchAll(/<label for="([^"]*)"/g)].map(([, id]) => id));
    const inputs = tags(html, 'input').filter((tag) => !/type="hidden"| hidden/.test(tag));
    expect(inputs.filter((tag) => !labels.has(/ id="([^"]*)"/.exec(tag)?.[1]))).toEqual([]);
    expect(tags(html, 'h1')).toHaveLength(1);
    for (const form of html
      .split('<form ')
      .slice(1)
      .filter((form) => form.includes('/ory/kratos/'))) {
      expect(form).toContain('name="csrf_token"');
    }
  });

  it('says what a new password does to other sessions, where one can be chosen and nowhere else', () => {
    const saying = names.filter((name) => {
      const kind = FLOW_KINDS.find((known) => name.startsWith(known)) ?? 'login';
      return render(kind, recorded(name)).includes('a new password logs you out');
    });
    expect(saying).toEqual(['settings-lookup', 'settings-saved']);
  });

  it.each(names)('%s: nothing of Kratos’ English is left in German', (name) => {
    const kind = FLOW_KINDS.find((known) => name.startsWith(known)) ?? 'login';
    const { ui } = recorded(name);
    const english = [...ui.messages, ...ui.nodes.flatMap(({ messages, meta }) => [...messages, meta.label])]
      // Titles from the identity schema (1070002) are the operator's own, unless the language has a text for them.
      .flatMap((message) => (message === undefined || message.id === 1_070_002 ? [] : [message.text]));
    const html = renderView(<FlowPage kind={kind} flow={recorded(name)} links={flowLinks} />, {}, 'de');
    expect(english.filter((text) => html.includes(`>${text}<`))).toEqual([]);
    expect(html).toContain('<html lang="de">');
  });

  it.each(names)('%s: nothing that a strict policy forbids', (name) => {
    const kind = FLOW_KINDS.find((known) => name.startsWith(known)) ?? 'login';
    expect(render(kind, recorded(name))).not.toMatch(
      /<script(?! src="[^"]*" (?:integrity="[^"]*" )?defer)|<style|\sstyle=|\son[a-z]+=/,
    );
  });
});

describe('FlowPage', () => {
  it('posts to the address that Kratos gave', () => {
    const flow = recorded('login');
    const login = `${flow.ui.action}&amp;return_to=${encodeURIComponent(flow.return_to ?? '')}`;
    expect(render('login', flow)).toContain(`action="${login}" method="POST"`);
    const registration = recorded('registration');
    expect(render('registration', registration)).toContain(
      `action="${registration.ui.action}" method="POST"`,
    );
  });

  it('keeps where the person wanted to go', () => {
    const html = render('login', recorded('login'));
    expect(html).toContain('href="/ui/registration?return_to=http%3A%2F%2Flocalhost%3A3000%2Fdemo"');
    expect(html).toContain('href="/ui/recovery?return_to=http%3A%2F%2Flocalhost%3A3000%2Fdemo"');
  });

  it("brings Kratos' script, held to its hash, and ours after it, only where something needs them", () => {
    const html = render('registration', recorded('registration-one-step-passkey'));
    const [everywhere, theirs, own, ...others] = tags(html, 'script');
    expect(everywhere).toBe('<script src="/assets/page.js" defer>');
    expect(theirs).toMatch(
      /^<script src="http:\/\/localhost:3000\/ory\/kratos\/\.well-known\/ory\/webauthn\.js" integrity="sha512-[\w+/]+=*" defer>$/,
    );
    expect(own).toBe('<script src="/assets/passkeys.js" defer>');
    expect(others).toEqual([]);
    expect(html).toContain('<div hidden data-scripted="true"><p class="divider">or</p>');
    expect(html).toContain('data-trigger="oryPasskeyRegistration"');
    for (const name of ['recovery', 'verification-sent', 'registration-one-step', 'login-aal2']) {
      const kind = FLOW_KINDS.find((known) => name.startsWith(known)) ?? 'login';
      expect(tags(render(kind, recorded(name)), 'script')).toEqual([everywhere]);
    }
  });

  it('says that a script is needed where there is no other way', () => {
    const flow = recorded('login');
    const nodes = flow.ui.nodes.filter(({ group }) => group === 'default' || group === 'passkey');
    const html = render('login', { ...flow, ui: { ...flow.ui, nodes } });
    expect(html).toContain('<noscript><p class="notice info">This step needs JavaScript');
    expect(html).not.toContain('nothing to fill in');
    expect(render('login', flow)).not.toContain('<noscript>');
  });

  it("tells Kratos the page's language with each of its forms", () => {
    const html = render('settings', recorded('settings-saved'));
    const forms = html.split('<form ').slice(1);
    expect(forms.filter((form) => !form.includes('/ory/kratos/'))).toEqual([]);
    expect(forms.length).toBeGreaterThan(4);
    for (const form of forms) {
      expect(form).toContain('name="transient_payload" value="{&quot;language&quot;:&quot;en&quot;}"');
    }
  });

  it('helps password managers', () => {
    const login = tags(render('login', recorded('login')), 'input');
    expect(login.find((tag) => tag.includes('name="password"'))).toContain('autocomplete="current-password"');
    expect(login.find((tag) => tag.includes('name="identifier"'))).toContain(
      'autocomplete="username webauthn"',
    );
    const settings = tags(render('settings', recorded('settings-saved')), 'input');
    expect(settings.filter((tag) => tag.includes('autocomplete="username"'))).toHaveLength(1);
  });

  it('says what is wrong, on the page, at the field, and in the title', () => {
    const login = render('login', recorded('login-error'));
    expect(login).toMatch(/<p class="notice error" role="alert" data-message-id="4000006">/);
    expect(login).toContain('<title>Error: Log in · Vestibule</title>');
    const registration = tags(render('registration', recorded('registration-error')), 'input');
    const email = registration.find((tag) => tag.includes('name="traits.email"'));
    expect(email).toMatch(/aria-describedby="[^"]+-messages" aria-invalid="true"/);
    expect(email).toContain('value="not-an-email"');
  });

  it('lets an alternative button work without the password', () => {
    const buttons = tags(render('login', recorded('login')), 'button');
    expect(buttons.find((tag) => tag.includes('value="password"'))).not.toContain('formnovalidate');
    expect(buttons.find((tag) => tag.includes('value="code"'))).toContain('formnovalidate');
  });

  it.each([
    ['login-refresh', 'login', "Confirm it's you"],
    ['login-aal2', 'login', "Confirm it's you"],
    ['login-aal2-without', 'login', 'A second step is needed'],
    ['login-code-sent', 'login', 'Check your e-mail'],
    ['recovery-sent', 'recovery', 'Check your e-mail'],
    ['verification-passed', 'verification', 'E-mail address verified'],
  ] as const)('%s is headed for what it asks', (name, kind, title) => {
    expect(render(kind, recorded(name))).toContain(`<h1>${title}</h1>`);
  });

  it('leads who has no second step to where one is set up, and keeps what needed it', () => {
    const html = render('login', recorded('login-aal2-without'));
    expect(html).toContain(
      'href="/ui/settings?return_to=http%3A%2F%2Flocalhost%3A3000%2Fauth%2Fory%2Flogin%3Flogin_challenge%3Dchallenge#settings-totp"',
    );
    expect(html).not.toContain('There is nothing to fill in here');
    expect(html).not.toContain('<form class="flow"');
  });

  it('lists backup codes one by one', () => {
    expect(render('settings', recorded('settings-lookup')).match(/<li><code>/g)).toHaveLength(12);
  });

  it('knows the address to verify of somebody who is logged in', () => {
    const flow = parseFlow({
      id: 'flow-1',
      ui: {
        action: 'http://localhost:3000/ory/kratos/self-service/verification?flow=flow-1',
        nodes: [
          { type: 'input', group: 'code', attributes: { name: 'email', type: 'email', required: true } },
          { type: 'input', group: 'code', attributes: { name: 'method', type: 'submit', value: 'code' } },
        ],
      },
    });
    const user = { name: null, email: 'ada@example.org', isAdmin: false };
    const known = renderView(<FlowPage kind="verification" flow={flow} links={flowLinks} />, { user });
    expect(known).toContain('value="ada@example.org"');
    expect(known).toContain('<a href="/">Back to your account</a>');
    const stranger = render('verification', flow);
    expect(stranger).not.toContain('ada@example.org');
    expect(stranger).toContain('<a href="/auth/login">Go to your account</a>');
  });

  it('asks for a pattern as the schema means it: anywhere in the value', () => {
    const flow = parseFlow({
      id: 'flow-1',
      ui: {
        action: 'http://localhost:3000/ory/kratos/self-service/settings?flow=flow-1',
        nodes: [
          { type: 'input', attributes: { name: 'traits.picture', type: 'url', pattern: '^https?://' } },
          { type: 'input', attributes: { name: 'method', type: 'submit', value: 'profile' } },
        ],
      },
    });
    expect(render('settings', flow)).toContain('pattern=".*(?:^https?://).*"');
  });

  it('says so when nothing on the page can be used', () => {
    const flow = recorded('login');
    const html = render('login', { ...flow, ui: { ...flow.ui, nodes: [] } });
    expect(html).toContain('There is nothing to fill in here.');
  });
});

describe('an odd flow', () => {
  // Every string may try to close a tag or an attribute and start its own.
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '<xss>',
      '"><xss>',
      "'><xss>",
      '</title><xss>',
      '" onxss="1',
      'javascript:xss',
      '\ud800',
      '\0',
      '__proto__',
    ),
  );
  const odd = fc.oneof(hostile, fc.integer(), fc.boolean(), fc.constant(null), fc.jsonValue({ maxDepth: 1 }));
  const message = fc.record(
    { id: fc.oneof(fc.constantFrom(1070001, 4000006, 1010002), odd), text: odd, type: odd },
    { requiredKeys: [] },
  );
  const word = (...known: string[]) => fc.oneof(fc.constantFrom(...known), odd);
  const attributes = fc.record(
    {
      name: word('method', 'password', 'identifier', 'code', 'traits.email', 'screen'),
      type: word('text', 'submit', 'hidden', 'checkbox', 'password', 'number', 'button'),
      value: odd,
      required: odd,
      disabled: odd,
      autocomplete: odd,
      pattern: odd,
      maxlength: odd,
      href: word('https://a.example/'),
      src: word('data:image/png;base64,AA=='),
      text: fc.oneof(message, odd),
      title: fc.oneof(message, odd),
      onclick: odd,
    },
    { requiredKeys: [] },
  );
  const node = fc.record(
    {
      type: word('input', 'a', 'img', 'text', 'script'),
      group: word('default', 'password', 'code', 'oidc', 'totp', 'profile', 'webauthn'),
      attributes,
      messages: fc.oneof(fc.array(message, { maxLength: 2 }), odd),
      meta: fc.oneof(fc.record({ label: fc.oneof(message, odd) }), odd),
    },
    { requiredKeys: ['type', 'attributes'] },
  );
  const flow = fc.record({
    id: hostile,
    return_to: odd,
    refresh: odd,
    requested_aal: odd,
    state: word('sent_email', 'passed_challenge'),
    ui: fc.record({
      action: fc.constant('http://localhost:3000/ory/kratos/self-service/login?flow="><xss>'),
      method: word('POST', 'get'),
      nodes: fc.oneof(fc.array(node, { maxLength: 6 }), odd),
      messages: fc.oneof(fc.array(message, { maxLength: 2 }), odd),
    }),
  });

  it('is rendered without an error, and what it says stays text', () => {
    fc.assert(
      fc.property(flow, fc.constantFrom(...FLOW_KINDS), (input, kind) => {
        const html = render(kind, parseFlow(input));
        expect(html).not.toContain('<xss');
        expect(html).not.toContain('" onxss="');
        expect(html).not.toMatch(/(?:href|src|action)="\s*javascript:/i);
        expect(html.replace('<script src="/assets/page.js" defer></script>', '')).not.toMatch(
          /<script|\sonclick=/,
        );
        expect(html.endsWith('</html>\n')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is read without an error other than a refusal', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (input) => {
        expect(() => parseFlow(input)).toThrow(expect.objectContaining({ reason: 'kratos_flow_unreadable' }));
      }),
    );
  });
});
