import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PurposeCipher } from '../../src/platform/crypto/purpose-cipher.js';
import { Clock } from '../../src/platform/time/clock.service.js';
import { SessionQuestions } from '../../src/providers/ory/kratos/session-questions.js';
import { type Gateway, type GatewayAnswer, startGateway } from '../support/gateway.js';

const path = '/auth/ory/session-question/admin/oauth2/auth/requests/login';
const subject = '0198c0de-0000-4000-8000-000000000001';
const now = new Clock();
let gateway: Gateway;
let questions: SessionQuestions;

beforeAll(async () => {
  gateway = await startGateway();
  questions = gateway.app.get(SessionQuestions, { strict: false });
});

afterAll(async () => {
  await gateway?.stop();
});

async function tell(challenge: string): Promise<GatewayAnswer> {
  // As Kratos asks: by an internal name, without an origin.
  const host = 'gateway:3000';
  return gateway.request(`${path}?${new URLSearchParams({ login_challenge: challenge })}`, {
    headers: { host },
  });
}

async function accept(challenge: string, body: object = { subject, remember: true }): Promise<GatewayAnswer> {
  return gateway.request(`${path}/accept?${new URLSearchParams({ login_challenge: challenge })}`, {
    method: 'PUT',
    headers: { host: 'gateway:3000', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const targetIn = (answer: GatewayAnswer): string => String(Reflect.get(Object(answer.json()), 'redirect_to'));

it('Kratos is told that no user is needed, and where to send the browser: what only the gateway reads', async () => {
  const challenge = questions.begin();
  const told = await tell(challenge);
  expect([told.status, told.json()]).toEqual([
    200,
    { challenge, client: {}, request_url: '', skip: true, subject: '' },
  ]);
  const accepted = await accept(challenge);
  expect(accepted.status).toBe(200);
  expect(accepted.text).not.toContain(subject);
  expect(accepted.text).not.toContain(challenge);
  expect(questions.read(challenge, targetIn(accepted))).toBe(subject);
  // Another replica reads it as well; a gateway with other secrets doesn't.
  expect(new SessionQuestions(gateway.configuration, now).read(challenge, targetIn(accepted))).toBe(subject);
});

it('an acceptance that names no identity is refused', async () => {
  for (const body of [{}, { subject: 'ada' }, { subject: `${subject} x` }, { subject: 1 }, []]) {
    expect((await accept(questions.begin(), body)).status).toBe(400);
  }
});

describe('a challenge that is none of ours gets 404, and its answer tells nothing [L36]', () => {
  const other = (): SessionQuestions => new SessionQuestions({ SECRETS: [new Uint8Array(32).fill(7)] }, now);
  it.each([
    ['empty', () => ''],
    ['made up', () => 'x'],
    ['Hydra’s', () => 'f'.repeat(1400)],
    ['tampered with', () => questions.begin().replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
    ['another deployment’s', () => other().begin()],
    ['an answer', () => questions.answer(questions.begin(), subject).split(':')[1] ?? ''],
    [
      'sealed for another purpose',
      () => new PurposeCipher(gateway.configuration.SECRETS, 'form-draft').encrypt(String(now.now() + 5000)),
    ],
    [
      'expired',
      () =>
        new SessionQuestions(
          gateway.configuration,
          Object.assign(new Clock(), { now: () => Date.now() - 71_000 }),
        ).begin(),
    ],
  ])('%s', async (_what, make) => {
    const challenge = make();
    for (const answer of [await tell(challenge), await accept(challenge)]) {
      expect(answer.status).toBe(404);
      expect(answer.json()).toMatchObject({ code: 'not_found' });
      expect(answer.text).not.toContain(subject);
    }
  });

  it('none at all, and two', async () => {
    const challenge = questions.begin();
    for (const query of ['', `?login_challenge=${challenge}&login_challenge=${challenge}`]) {
      expect((await gateway.request(`${path}${query}`)).status).toBe(404);
    }
  });

  it('an answer is read for its own question only, and no other redirect is one', async () => {
    const [challenge, later] = [questions.begin(), questions.begin()];
    const target = targetIn(await accept(challenge));
    expect(questions.read(later, target)).toBeUndefined();
    expect(other().read(challenge, target)).toBeUndefined();
    for (const forged of [
      '',
      `vestibule-session:${subject} ${challenge}`,
      `vestibule-session:${challenge}`,
      target.slice('vestibule-session:'.length),
      target.slice(0, -1),
      other().answer(challenge, subject),
      'https://auth.example.test/ui/login?flow=x',
    ]) {
      expect(questions.read(challenge, forged), forged).toBeUndefined();
    }
  });
});
