import { expect, it } from 'vitest';
import { KratosCookies } from './kratos-cookies.js';

const attributes = '; Path=/; HttpOnly; SameSite=Lax';

it.each(['ory_kratos_session', 'ory_kratos_continuity', 'csrf_token_82b119fa58a0a1cb6faa9738c1d0dbbf'])(
  '%s reaches the browser, set or deleted',
  (name) => {
    const lines = [`${name}=x${attributes}`, `${name}=; Max-Age=0${attributes}`];
    expect(new KratosCookies().passing(lines)).toEqual(lines);
  },
);

it.each(['mine', 'ory_kratos_session_2', 'my_ory_kratos_session', 'ORY_KRATOS_SESSION', ''])(
  'a cookie by the name %j, which may be a session that no gate knows, does not',
  (name) => {
    const csrf = `csrf_token_1=x${attributes}`;
    expect(new KratosCookies().passing([`${name}=x${attributes}`, csrf])).toEqual([csrf]);
  },
);
