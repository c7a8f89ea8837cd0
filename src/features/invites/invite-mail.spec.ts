import { expect, it } from 'vitest';
import { LanguageCatalogue } from '../../platform/i18n/language.catalogue.js';
import { inviteMail } from './invite-mail.js';

const language = new LanguageCatalogue({ LOCALES_DIR: undefined, DEFAULT_LANGUAGE: 'en' }).of(undefined);

/** Subject and text of the mail by which somebody with a name invites to an organisation of that name. */
function mailOf(name: string): string {
  const { subject, text } = inviteMail({
    to: 'ada@example.org',
    orgName: name,
    inviterName: name,
    opensSignUp: true,
    link: 'http://localhost/i',
    expiresAt: 0,
    language,
    brand: { name: 'Vestibule', color: undefined },
  });
  return `${subject}\n${text}`;
}

it.each([
  ['evil.example', 'evil.\u200Bexample'],
  ['https://evil.example/x', 'https:\u200B//evil.\u200Bexample/x'],
  ['банк.рф', 'банк.\u200Bрф'],
  ['müller.de', 'müller.\u200Bde'],
  ['例え.テスト', '例え.\u200Bテスト'],
  ['例え。テスト', '例え。\u200Bテスト'],
  ['evil．example', 'evil．\u200Bexample'],
  ['उदाहरण.भारत', 'उदाहरण.\u200Bभारत'],
  ['a\u0308.de', 'a\u0308.\u200Bde'],
])('the name %s is no link to mail programs', (name, shown) => {
  const mail = mailOf(name);
  expect(mail).toContain(shown);
  expect(mail).not.toContain(name);
});

it.each(['Dr. Ада Лавлейс', 'Müller & Söhne', 'さくら'])('the name %s stays as it is', (name) => {
  expect(mailOf(name)).toContain(name);
});
