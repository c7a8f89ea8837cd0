'use strict';

// Passkeys and security keys. Kratos' webauthn.js has run before this and left its functions on the window; it finds its
// fields by their names and sends the form. Here its buttons are bound, and shown, because without all that they'd do nothing.
(() => {
  const triggers = [...document.querySelectorAll('button[data-trigger]')];
  const isReady = ({ dataset }) => typeof window[dataset.trigger] === 'function';
  if (window.PublicKeyCredential === undefined || !triggers.every(isReady)) {
    return;
  }

  /** A new key is made for what was typed, so that has to be right first; the password is for those who take one. */
  const isFilledIn = (form) =>
    [...form.elements].filter(({ type }) => type !== 'password').every((field) => field.reportValidity());

  // That script tells the console why a key wasn't used, or calls alert(): people are told on the page.
  const failure = document.querySelector('[data-key-failed]');
  const { credentials } = navigator;
  for (const method of ['create', 'get']) {
    const ask = credentials[method].bind(credentials);
    credentials[method] = async (options) => {
      const isOffer = options.mediation === 'conditional';
      failure.hidden ||= !isOffer;
      try {
        return await ask(options);
      } catch (error) {
        failure.hidden &&= isOffer;
        throw error;
      }
    };
  }
  window.alert = () => undefined;

  for (const button of triggers) {
    button.addEventListener('click', () => {
      if (button.dataset.checks === undefined || isFilledIn(button.form)) {
        window[button.dataset.trigger]();
      }
    });
  }

  // Enter presses a form's first button, but only one that sends it.
  for (const form of new Set(triggers.map((button) => button.form))) {
    if (form.querySelector('[type=submit]') === null) {
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        form.querySelector('[data-trigger]').click();
      });
    }
  }

  for (const element of document.querySelectorAll('[data-scripted]')) {
    element.hidden = false;
  }

  // Offers passkeys where the browser completes what is typed into the address' field; not beside an error, for which the last one may
  // be the reason: a browser that answers the offer by itself would send it for ever.
  if (document.querySelector('[role=alert]:not([hidden])') !== null) {
    return;
  }
  const atLoad = [...document.querySelectorAll('[data-load-trigger]')].map(
    ({ dataset }) => dataset.loadTrigger,
  );
  for (const name of new Set(atLoad)) {
    window[name]?.();
  }
})();
