import { defineTexts } from '../../platform/i18n/feature-texts.js';

/** The texts of the page that tells a user that a second factor is required. */
export const secondFactorTexts = defineTexts(
  {
    'secondFactor.title': 'A second step is required',
    'secondFactor.soonTitle': 'A second step will be required',
    'secondFactor.until': 'Please set up a second step for your login by <time></time>.',
    'secondFactor.from': 'From <time></time> on, your login needs a second step.',
    'secondFactor.since': 'Since <time></time>, your login needs a second step.',
    'secondFactor.closedOrg': 'Until you have given one, the organisation {org} is closed to you.',
    'secondFactor.closedRole': "Until you have given one, you can't use your rights as an administrator.",
    'secondFactor.how':
      'An authenticator app on your phone, or a security key, protects your account even if your password leaks.',
    'secondFactor.setUp': 'Set up a second step',
    'secondFactor.later': 'Later',
    'secondFactor.without': 'Go on without it',
  },
  {
    de: {
      'secondFactor.title': 'Ein zweiter Schritt wird verlangt',
      'secondFactor.soonTitle': 'Ein zweiter Schritt wird bald verlangt',
      'secondFactor.until':
        'Bitte richten Sie bis <time></time> einen zweiten Schritt für Ihre Anmeldung ein.',
      'secondFactor.from': 'Ab <time></time> braucht Ihre Anmeldung einen zweiten Schritt.',
      'secondFactor.since': 'Seit <time></time> braucht Ihre Anmeldung einen zweiten Schritt.',
      'secondFactor.closedOrg': 'Solange er fehlt, ist Ihnen die Organisation {org} verschlossen.',
      'secondFactor.closedRole': 'Solange er fehlt, haben Sie keine Rechte als Administrator.',
      'secondFactor.how':
        'Eine Authenticator-App auf Ihrem Telefon oder ein Sicherheitsschlüssel schützt Ihr Konto, selbst wenn Ihr Passwort bekannt wird.',
      'secondFactor.setUp': 'Zweiten Schritt einrichten',
      'secondFactor.later': 'Später',
      'secondFactor.without': 'Ohne ihn weiter',
    },
  },
);
