import { defineTexts } from '../../platform/i18n/feature-texts.js';

/** The texts of the pages on which users let devices log in. */
export const deviceTexts = defineTexts(
  {
    'deviceLogin.title': 'Log in on a device',
    'deviceLogin.lead':
      'A television, a command line or another device without a browser shows you a code of eight letters.',
    'deviceLogin.code': 'Code',
    'deviceLogin.next': 'Continue',
    'deviceLogin.unknown':
      'No device has this code. Check it, or have the device show a new one: a code can be used for ten minutes.',
    'deviceLogin.heading': 'Does your device show <strong>{code}</strong>?',
    'deviceLogin.asked':
      '<strong>{client}</strong> asked for it on <time></time>, from the address {address}.',
    'deviceLogin.everything':
      'It could do everything that you can do, for 30 days. You can end this earlier on your account page.',
    'deviceLogin.warning':
      'Allow this only if the device is in front of you and you have started the login yourself. If somebody has sent you this code or a link to this page, they want to get into your account.',
    'deviceLogin.done.title': 'You can go back to your device',
    'deviceLogin.done.lead': 'It logs in within a few seconds. You can close this page.',
    'deviceLogin.denied.title': 'Access denied',
    'deviceLogin.denied.lead': 'The device is not logged in. You can close this page.',
    'deviceLogin.failed.title': 'The device is not logged in',
    'deviceLogin.failed.lead': 'Have it show a new code, and try again.',
    'deviceLogin.again': 'Enter a code',
  },
  {
    de: {
      'deviceLogin.title': 'An einem Gerät anmelden',
      'deviceLogin.lead':
        'Ein Fernseher, eine Befehlszeile oder ein anderes Gerät ohne Browser zeigt Ihnen einen Code aus acht Buchstaben.',
      'deviceLogin.code': 'Code',
      'deviceLogin.next': 'Weiter',
      'deviceLogin.unknown':
        'Diesen Code hat kein Gerät. Prüfen Sie ihn, oder lassen Sie das Gerät einen neuen zeigen: Ein Code gilt zehn Minuten.',
      'deviceLogin.heading': 'Zeigt Ihr Gerät <strong>{code}</strong>?',
      'deviceLogin.asked':
        '<strong>{client}</strong> hat danach gefragt: am <time></time>, von der Adresse {address}.',
      'deviceLogin.everything':
        'Es könnte 30 Tage lang alles tun, was Sie tun können. Auf Ihrer Kontoseite können Sie das vorher beenden.',
      'deviceLogin.warning':
        'Erlauben Sie dies nur, wenn das Gerät vor Ihnen steht und Sie die Anmeldung selbst begonnen haben. Wer Ihnen diesen Code oder einen Link zu dieser Seite geschickt hat, will in Ihr Konto.',
      'deviceLogin.done.title': 'Gehen Sie zurück zu Ihrem Gerät',
      'deviceLogin.done.lead': 'Es meldet sich in wenigen Sekunden an. Sie können diese Seite schließen.',
      'deviceLogin.denied.title': 'Es wurde nichts erlaubt',
      'deviceLogin.denied.lead': 'Das Gerät ist nicht angemeldet. Sie können diese Seite schließen.',
      'deviceLogin.failed.title': 'Das Gerät ist nicht angemeldet',
      'deviceLogin.failed.lead': 'Lassen Sie es einen neuen Code zeigen, und versuchen Sie es noch einmal.',
      'deviceLogin.again': 'Einen Code eingeben',
    },
  },
);
