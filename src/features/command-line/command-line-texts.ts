import { defineTexts } from '../../platform/i18n/feature-texts.js';

/** The texts of the page that asks whether a program may act as somebody. */
export const commandLineTexts = defineTexts(
  {
    'commandLine.title': 'Command-line login',
    'commandLine.heading': 'Log in on the command line of <strong>{device}</strong>?',
    'commandLine.lead':
      'It would be able to do everything that you can do, for 30 days. You can end this earlier on your account page.',
    'commandLine.onlyIf': 'Allow this only if you have just run <code>vestibule login</code> yourself.',
    'commandLine.code': 'You will get a code to paste there.',
    'commandLine.goesTo': 'The answer goes to {host}, a program on this machine.',
    'commandLine.denied.title': 'Access denied',
    'commandLine.denied.lead': 'The command line is not logged in. You can close this page.',
    'commandLine.paste.title': 'Paste this code',
    'commandLine.paste.lead':
      'Paste it into the terminal where you ran vestibule login, within five minutes. Give it to no one else: anyone who asks you for it wants to act as you.',
  },
  {
    de: {
      'commandLine.title': 'Befehlszeile anmelden',
      'commandLine.heading': 'Die Befehlszeile auf <strong>{device}</strong> anmelden?',
      'commandLine.lead':
        'Sie könnte 30 Tage lang alles tun, was Sie tun können. Auf Ihrer Kontoseite können Sie das vorher beenden.',
      'commandLine.onlyIf':
        'Erlauben Sie es nur, wenn Sie selbst gerade <code>vestibule login</code> gestartet haben.',
      'commandLine.code': 'Sie bekommen einen Code, den Sie dort einfügen.',
      'commandLine.goesTo': 'Die Antwort geht an {host}, ein Programm auf diesem Rechner.',
      'commandLine.denied.title': 'Es wurde nichts erlaubt',
      'commandLine.denied.lead': 'Die Befehlszeile ist nicht angemeldet. Sie können diese Seite schließen.',
      'commandLine.paste.title': 'Fügen Sie diesen Code ein',
      'commandLine.paste.lead':
        'Fügen Sie ihn binnen fünf Minuten in das Terminal ein, in dem Sie vestibule login gestartet haben. Geben Sie ihn sonst niemandem: Wer Sie danach fragt, will in Ihrem Namen handeln.',
    },
  },
);
