'use strict';

// What a page gains where scripts run: local times, passwords that can be looked at, a hint about Caps Lock, and copying.
// Everything it shows is in the page already, hidden: without this script nothing is missing but these comforts.
(() => {
  const { lang } = document.documentElement;

  const clock = new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, {
    dateStyle: 'long',
    timeStyle: 'short',
    hourCycle: 'h23',
  });
  for (const time of document.querySelectorAll('time[datetime]')) {
    time.title = time.textContent;
    time.textContent = clock.format(new Date(time.dateTime));
  }

  // An answer for an application is posted at once. Not by form.submit, which a field of that name would be.
  for (const form of document.querySelectorAll('form[data-submit]')) {
    HTMLFormElement.prototype.submit.call(form);
  }

  // A second press of a button, while the first one's answer is under way, would replace that answer.
  for (const form of document.querySelectorAll('form[data-once]')) {
    let isSent = false;
    form.addEventListener('submit', (event) => {
      if (isSent) {
        event.preventDefault();
      }
      isSent = true;
    });
    // The browser may restore the page as it was when it was left.
    window.addEventListener('pageshow', () => {
      isSent = false;
    });
  }

  // A link to a folded section opens it.
  const section = document.getElementById(window.location.hash.slice(1));
  if (section instanceof HTMLDetailsElement) {
    section.open = true;
    section.scrollIntoView();
  }

  for (const button of document.querySelectorAll('button[data-reveal]')) {
    const field = document.getElementById(button.dataset.reveal);
    const [words] = button.childNodes;
    const show = (isShown) => {
      field.type = isShown ? 'text' : 'password';
      button.setAttribute('aria-pressed', String(isShown));
      words.textContent = isShown ? button.dataset.hide : button.dataset.show;
    };
    button.hidden = false;
    button.addEventListener('click', () => {
      show(field.type === 'password');
      field.focus();
    });
    // A browser offers to keep what was sent from a password field, and nothing else.
    field.form?.addEventListener('submit', () => show(false));
  }

  for (const hint of document.querySelectorAll('[data-caps-lock]')) {
    const field = document.getElementById(hint.dataset.capsLock);
    const look = (event) => {
      hint.hidden = event.getModifierState?.('CapsLock') !== true;
    };
    field.addEventListener('keydown', look);
    field.addEventListener('keyup', look);
    field.addEventListener('blur', () => {
      hint.hidden = true;
    });
  }

  /** A field's value, a list's items on lines of their own, or what anything else says. */
  const textIn = (element) =>
    element.value ??
    (element instanceof HTMLUListElement
      ? [...element.children].map((item) => item.textContent.trim()).join('\n')
      : element.textContent);

  for (const button of document.querySelectorAll('button[data-copy]')) {
    // Browsers have a clipboard for pages of https, and of this machine.
    if (navigator.clipboard === undefined) {
      continue;
    }
    button.hidden = false;
    const words = button.textContent;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(textIn(document.getElementById(button.dataset.copy)));
      button.textContent = button.dataset.copied;
      setTimeout(() => {
        button.textContent = words;
      }, 3000);
    });
  }
})();
