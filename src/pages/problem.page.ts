import { Injectable } from '@nestjs/common';
import type { ProblemCode } from '../core/problem.catalogue.js';
import type { Problem } from '../core/problem.error.js';
import { ErrorPage } from '../http/error.page.js';
import { AssetStore } from './asset.store.js';
import { renderPage } from './page.renderer.js';
import { ErrorPage as ErrorPageView } from './views/error.view.js';

const again = { label: 'Start again', href: '/auth/login' };
const home = { label: 'Back to the start', href: '/' };

interface Advice {
  /** Where the catalogue's title would say the same as the advice. */
  readonly title?: string;
  readonly advice: string;
  readonly actions: readonly { readonly label: string; readonly href: string }[];
}

const startAgain: Advice = {
  advice: 'This can happen when a page was open for a long time, or in another tab. Please log in again.',
  actions: [again, home],
};

/** What people can do, where it's more than going back. */
const adviceByCode: Partial<Record<ProblemCode, Advice>> = {
  login_state_invalid: {
    title: "This login can't go on",
    advice:
      'The login was started in another browser, is too old, or was used already. Please start again, and allow cookies for this site.',
    actions: [again, home],
  },
  login_refused: startAgain,
  challenge_rejected: startAgain,
  access_token_rejected: startAgain,
  unauthenticated: startAgain,
  provider_unavailable: {
    advice:
      'Logging in is not possible right now. Whoever is logged in can go on. Please try again in a moment.',
    actions: [{ label: 'Try again', href: '/auth/login' }, home],
  },
  not_found: { advice: 'Please check the address.', actions: [home] },
  internal_error: {
    advice: 'It is not your fault. If it happens again, tell whoever runs this site the request id below.',
    actions: [home],
  },
};

/** For a form that was sent: a page load is redirected and sees no page. */
function stepUpAdvice(loginUrl: string): Advice {
  return {
    advice: "This needs a newer login or a second step. Confirm that it's you, then go back and try again.",
    actions: [{ label: "Confirm it's you", href: loginUrl }, home],
  };
}

/** Problems as pages. */
@Injectable()
export class ProblemPage extends ErrorPage {
  readonly #assets: AssetStore;

  constructor(assets: AssetStore) {
    super();
    this.#assets = assets;
  }

  override render(problem: Problem, requestId: string): string {
    const known =
      problem.loginUrl === undefined ? adviceByCode[problem.code] : stepUpAdvice(problem.loginUrl);
    const advice = known ?? {
      advice: problem.detail ?? 'Please go back and try again.',
      actions: [home],
    };
    return renderPage(
      ErrorPageView({
        assets: this.#assets.addresses,
        title: problem.definition.title,
        code: problem.code,
        requestId,
        ...advice,
      }),
    );
  }
}
