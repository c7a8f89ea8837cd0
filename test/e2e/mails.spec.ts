import { testFrame } from '../support/page.frame.js';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'node-html-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { dockerFolder, findBinaries } from '../../src/launcher/binary.store.js';
import { kratosProgram, loopback } from '../../src/launcher/ory-programs.js';
import { type OryStack, startOry } from '../../src/launcher/ory-stack.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { makeSecrets } from '../../src/launcher/secret.store.js';
import { sqliteDsn } from '../../src/launcher/sqlite-dsn.js';
import { SupervisedChild } from '../../src/launcher/supervised-child.js';
import { inviteMail } from '../../src/features/invites/invite-mail.js';
import { type Mail, Mailbox } from '../support/mailbox.js';
import { prepareOryData } from '../support/ory.template.js';
import { newPerson } from '../support/person.js';

const publicUrl = 'http://localhost:3000';
const templates = join(dockerFolder, 'kratos', 'templates');
const kinds = ['verification_code', 'recovery_code', 'login_code', 'registration_code'] as const;
const languages = ['en', 'de'] as const;
/** Of the gateway's mails, too: MAIL_FROM. */
const sender = 'no-reply@engines.example';
/** Of a product; its name is text, whatever is in it. */
const brand = { name: 'Analytical & Engines, Ltd', color: '#7a1f5c' };
const silent = { line: () => undefined, step: () => ({ done: () => undefined, failed: () => undefined }) };

const flowSchema = z.looseObject({ id: z.string() });
/** Of an answer that has one. */
const stateSchema = z.string().transform((text) => /"state":"(\w+)"/.exec(text)?.[1]);

let folder: string;
let ory: OryStack;
let kratos: SupervisedChild;
let url: string;
let mailbox: Mailbox;

/** Kratos as we ship it, except that its operator has turned on login and registration by code. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-mails-'));
  await prepareOryData(folder);
  const dsn = {
    kratos: sqliteDsn(join(folder, 'ory', 'kratos.sqlite')),
    hydra: sqliteDsn(join(folder, 'ory', 'hydra.sqlite')),
  };
  const secrets = makeSecrets();
  const log = () => undefined;
  ory = await startOry({
    dataDir: folder,
    publicUrl,
    environment: process.env,
    secrets,
    log,
    progress: silent,
  });
  await ory.children.kratos.stop();

  const settings = join(folder, 'settings');
  await cp(join(dockerFolder, 'kratos'), settings, { recursive: true });
  const schema = await readFile(join(settings, 'identity.schema.json'), 'utf8');
  const withCode = schema.replace(
    '"credentials": {',
    '"credentials": { "code": { "identifier": true, "via": "email" },',
  );
  await writeFile(join(settings, 'identity.schema.json'), withCode);
  const [kratosPublic = 0, kratosAdmin = 0] = await findFreePorts(2);
  const program = await kratosProgram(
    {
      publicUrl,
      mailFrom: sender,
      brandName: brand.name,
      brandColor: brand.color,
      passwordMinLength: undefined,
      binaries: await findBinaries(['kratos'], process.env, silent),
      secrets,
      dsn,
      folder,
      smtpUrl: ory.env['SMTP_URL'] ?? '',
      socialProviders: [],
      logLevel: 'info',
      environment: process.env,
    },
    { kratosPublic, kratosAdmin, hydraPublic: 0, hydraAdmin: 0, smtp: 0, mailbox: 0 },
  );
  const env = { ...program.env, SELFSERVICE_METHODS_CODE_PASSWORDLESS_ENABLED: 'true' };
  kratos = new SupervisedChild({ ...program, cwd: settings, env }, log);
  await kratos.start();
  url = `http://${loopback}:${kratosPublic}`;
  mailbox = new Mailbox({ ory });
});

afterAll(async () => {
  await kratos?.stop();
  await ory?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A native flow. @returns a sender of its next step. */
async function begin(kind: string): Promise<(body: object) => Promise<{ status: number; state: unknown }>> {
  const begun = flowSchema.parse(await (await fetch(`${url}/self-service/${kind}/api`)).json());
  return async (body) => {
    const answer = await fetch(`${url}/self-service/${kind}?flow=${begun.id}`, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ method: 'code', ...body }),
    });
    return { status: answer.status, state: stateSchema.parse(await answer.text()) };
  };
}

const wrong = (code: string) => (code === '000000' ? '111111' : '000000');

/** What the page's language becomes in a form. */
const spoken = (language: string) => ({ transient_payload: { language } });

async function registered(language: string): Promise<{ email: string; mail: Mail }> {
  const { email, name, password } = newPerson();
  const submit = await begin('registration');
  const { status } = await submit({
    method: 'password',
    password,
    traits: { email, name },
    ...spoken(language),
  });
  expect(status).toBe(200);
  return { email, mail: await mailbox.next(email, /./) };
}

/** What is so of each of our mails. */
function expectWhole(mail: Mail, language: string): void {
  const document = parse(mail.html);
  expect(document.querySelector('html')?.getAttribute('lang')).toBe(language);
  expect(document.querySelector('title')?.text).toBe(mail.subject);
  expect(document.querySelector('h1')?.text).toBe(mail.subject);
  expect(document.querySelector('.code')?.text).toBe(mail.code);
  expect(document.querySelector('.brand')?.text).toBe(brand.name);
  expect(mail.html).toContain(`background: ${brand.color}; color: #ffffff`);
  expect(mail.text.trimEnd().endsWith(`\n${brand.name}`)).toBe(true);
  expect([mail.from, mail.sender]).toEqual([brand.name, sender]);
  expect(mail.code).toMatch(/^\d{6}$/);
  // The document and the text say the same.
  const paragraphs = document.querySelectorAll('p').map((paragraph) => paragraph.text);
  expect(paragraphs.length).toBeGreaterThan(3);
  for (const paragraph of paragraphs.filter((text) => !document.querySelector('a')?.text.includes(text))) {
    expect(mail.text).toContain(paragraph);
  }
  expect(mail.text).toContain(language === 'de' ? '15 Minuten' : '15 minutes');
  for (const part of [mail.html, mail.text]) {
    // The link leads to a page with a button of its own.
    expect(part).not.toMatch(/one click|einem Klick/);
    const addresses = part.match(/\bhttps?:\/\/[^\s"<>]+/g) ?? [];
    expect(addresses.filter((address) => !address.startsWith(`${publicUrl}/`))).toEqual([]);
    expect(part).not.toMatch(/<no value>|<nil>|\{\{|<(?:img|script|link|iframe|form)\b/);
  }
}

describe.each(languages)('in %s', (language) => {
  const subjects = {
    verification: { en: 'Verify your e-mail address', de: 'Bestätigen Sie Ihre E-Mail-Adresse' },
    recovery: { en: 'Recover your account', de: 'Stellen Sie Ihr Konto wieder her' },
    login: { en: 'Your code to log in', de: 'Ihr Code zum Anmelden' },
    registration: { en: 'Your code to sign up', de: 'Ihr Code zum Registrieren' },
  } as const;

  it('verification, with the registration and when asked for: a code that works, and a link', async () => {
    const { email, mail } = await registered(language);
    expect(mail.subject).toBe(subjects.verification[language]);
    expectWhole(mail, language);
    const link = parse(mail.html).querySelector('a')?.getAttribute('href')?.replaceAll('&amp;', '&');
    expect(link).toBe(mail.link);
    expect(link).toContain(`${publicUrl}/ory/kratos/self-service/verification?code=${mail.code}&flow=`);

    const submit = await begin('verification');
    const asked = await submit({ email, ...spoken(language) });
    expect(asked).toEqual({ status: 200, state: 'sent_email' });
    const again = await mailbox.next(email, /./);
    expect(again.subject).toBe(mail.subject);
    expectWhole(again, language);

    expect((await submit({ code: wrong(again.code) })).state).toBe('sent_email');
    expect((await submit({ code: again.code })).state).toBe('passed_challenge');
  });

  it('recovery: a code that works', async () => {
    const { email } = await registered(language);
    const submit = await begin('recovery');
    expect((await submit({ email, ...spoken(language) })).state).toBe('sent_email');
    const mail = await mailbox.next(email, /./);
    expect(mail.subject).toBe(subjects.recovery[language]);
    expectWhole(mail, language);
    expect(mail.html).not.toContain('href');
    // On to the settings, which a browser must show.
    expect((await submit({ code: wrong(mail.code) })).status).toBe(200);
    expect((await submit({ code: mail.code })).status).toBe(422);
  });

  it('login and registration by code, where an operator has them on: codes that work', async () => {
    const { email } = newPerson();
    const signUp = await begin('registration');
    const about = { traits: { email }, ...spoken(language) };
    expect((await signUp(about)).state).toBe('sent_email');
    const mail = await mailbox.next(email, /./);
    expect(mail.subject).toBe(subjects.registration[language]);
    expectWhole(mail, language);
    expect((await signUp({ ...about, code: mail.code })).status).toBe(200);

    const logIn = await begin('login');
    const who = { identifier: email, ...spoken(language) };
    expect((await logIn(who)).state).toBe('sent_email');
    const second = await mailbox.next(email, new RegExp(subjects.login[language]));
    expectWhole(second, language);
    expect((await logIn({ ...who, code: second.code })).status).toBe(200);
  });
});

it('a form of a page, which Kratos reads another way than JSON', async () => {
  const { email } = await registered('en');
  const flow = flowSchema.parse(await (await fetch(`${url}/self-service/recovery/api`)).json());
  const body = new URLSearchParams({ method: 'code', email, transient_payload: '{"language":"de"}' });
  await fetch(`${url}/self-service/recovery?flow=${flow.id}`, { method: 'POST', body });
  expectWhole(await mailbox.next(email, /./), 'de');
});

it.each([
  ['German of Austria', { transient_payload: { language: 'de-AT' } }, 'de'],
  ['a language that there are no words for', { transient_payload: { language: 'fr' } }, 'en'],
  ['nothing', {}, 'en'],
  ['another payload', { transient_payload: { utm: 'x' } }, 'en'],
  ['no language', { transient_payload: { language: { de: ['<b>'] } } }, 'en'],
])('a form with %s', async (_, payload, language) => {
  const { email } = await registered('en');
  const submit = await begin('recovery');
  await submit({ email, ...payload });
  expectWhole(await mailbox.next(email, /./), language);
});

describe('the templates', () => {
  const html = (kind: string) => readFile(join(templates, kind, 'valid', 'email.body.gotmpl'), 'utf8');
  const frameOf = (document: string) => document.match(/<meta [^>]*>|<style>[^]*?<\/style>/g);

  it('look alike, and like the mail of an invite', async () => {
    const named = { to: 'a@example.org', orgName: 'Org', inviterName: null };
    const invite = { ...named, opensSignUp: true, link: publicUrl, expiresAt: 0 };
    const frames = await Promise.all(kinds.map(async (kind) => frameOf(await html(kind))));
    expect(frames[0]).toHaveLength(4);
    for (const frame of [
      ...frames,
      ...languages.map((language) =>
        frameOf(
          inviteMail({ ...invite, language: testFrame({}, language).language, brand: { name: 'Vestibule' } })
            .html,
        ),
      ),
    ]) {
      expect(frame).toEqual(frames[0]);
    }
  });

  it("state how long Kratos' codes are valid", async () => {
    const settings = await readFile(join(dockerFolder, 'kratos', 'kratos.yml'), 'utf8');
    expect(/\n {4}code:\n[^]*?lifespan: (\w+)\n/.exec(settings)?.[1]).toBe('15m');
    for (const kind of kinds) {
      expect(await html(kind)).toMatch(/15 Minuten[^]*15 minutes/);
    }
  });
});
