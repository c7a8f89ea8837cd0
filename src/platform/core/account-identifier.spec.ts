import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { buildGo } from '../../../test/support/go.program.js';
import {
  addressSchema,
  foldIdentifier,
  isIdentifier,
  isSameMailbox,
  mailboxOf,
  requireIdentifier,
} from './account-identifier.js';

/** Of 256 characters, three names each. */
const lineSchema = z.array(z.string()).length(3 * 256);

it('a name is folded as Go folds it, with every character at its start, in its middle and at its end [L33]', async () => {
  const program = spawn(join(await buildGo('go-folding'), 'go-folding'));
  const ended = once(program, 'close');
  const wrong: string[] = [];
  let seen = 0;
  for await (const line of createInterface(program.stdout)) {
    const expected = lineSchema.parse(JSON.parse(line));
    for (let place = 0; place < expected.length; place += 3) {
      const character = String.fromCodePoint(seen);
      // Blanks and controls are refused, and nevertheless folded alike. Only what Go's Unicode doesn't know may differ.
      const mayDiffer = !isIdentifier(character) && !/[\p{Cc}\p{Cf}\p{Z}]/u.test(character);
      const names = mayDiffer ? [] : [`${character}aΣ`, `A${character}z`, `ba${character}`];
      if (names.some((name, index) => foldIdentifier(name) !== expected[place + index])) {
        wrong.push(seen.toString(16));
      }
      seen += 1;
    }
  }
  await ended;
  expect([seen, wrong]).toEqual([0x11_00_00, []]);
});

it.each([
  ['ada@example.org', 'ada@example.org'],
  [' \tAda@Example.ORG \t', 'ada@example.org'],
  ['\u0130da@example.org', 'ida@example.org'],
  ['\u212Aai.ΟΔΟΣ@example.org', 'kai.οδοσ@example.org'],
  ['\uFF41da@example.org', '\uFF41da@example.org'],
  ["o'brien+a/b=c@localhost", "o'brien+a/b=c@localhost"],
  ['zoë@Bücher.example', 'zoë@bücher.example'],
  ['zoë@xn--bcher-kva.example', 'zoë@xn--bcher-kva.example'],
  ['"Ada"(admin)', '"ada"(admin)'],
  ['', ''],
])('%j is %j', (typed, folded) => {
  expect(requireIdentifier(typed)).toBe(folded);
});

it.each([
  'ada@example.org\u0085',
  '\u0085ada@example.org',
  'ada@example.org\n',
  'a da@example.org',
  'ada\u00A0@example.org',
  'ada@example.org\u2028',
  '\uFEFFada@example.org',
  'a\u200Bda@example.org',
  'a\u00ADda@example.org',
  'a\u202Eda@example.org',
  'a\u0000da@example.org',
  'a\uD800da@example.org',
  'a\uFFFDda@example.org',
  'a\u0378da@example.org',
  '\uA7DCda@example.org',
  ...['\u3164', '\u115F', '\u034F', '\u180B', '\uFE0F', '\u{E0100}', '\u2800'].map(
    (invisible) => `a${invisible}da@example.org`,
  ),
  '"ada"@example.org',
  '"a\\da"@example.org',
  '"ada@evil.example"@example.org',
  'ada@evil.example@example.org',
  '<ada@example.org>',
  'x<ada@example.org>',
  '(x)ada@example.org',
  'ada@example.org(x)',
  'x:ada@example.org;',
  'ada@[192.0.2.1]',
  'ada@\uFF45xample.org',
  'ada@example\u3002org',
])('%j is no identifier', (typed) => {
  expect(() => requireIdentifier(typed)).toThrow(expect.objectContaining({ code: 'identifier_refused' }));
  expect(addressSchema.safeParse(typed).success).toBe(false);
});

it('an address that a caller gives is plain ASCII, and folded', () => {
  expect(addressSchema.parse(' Grace@Example.ORG\t')).toBe('grace@example.org');
  for (const other of ['\u0130ris@example.org', '\u212Aai@example.org', 'аda@example.org']) {
    expect(addressSchema.safeParse(other).success).toBe(false);
  }
});

it('another provider’s word about an address holds for no other mailbox', () => {
  expect(['ada@example.org', 'Ådä@example.org', ''].map(isSameMailbox)).toEqual([true, true, true]);
  const others = [
    'adm\u0130n@example.org',
    'ada@gma\u0130l.example',
    '\u212Aai@example.org',
    'a\u200Bda@example.org',
  ];
  expect(others.map(isSameMailbox)).toEqual([false, false, false, false]);
});

it.each([
  ['ada+1@example.org', 'ada@example.org'],
  ['ada+a+b@example.org', 'ada@example.org'],
  ['ada@example.org', 'ada@example.org'],
  ['ada', 'ada'],
])('mails to %s count as those to %s', (address, mailbox) => {
  expect(mailboxOf(address)).toBe(mailbox);
});
