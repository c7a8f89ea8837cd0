// A service's verifier that subscribes: bench/revocations.mjs asks what that costs it.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createVerifier } from '@vestibule-auth/verify';
import { createTestIssuer } from '@vestibule-auth/verify/testing';

const { ISSUER: issuer, KEY: key } = process.env;
const test = await createTestIssuer({ issuer });
const token = await test.token({ exp: Math.floor(Date.now() / 1000) + 86_400 });
/** The keys of the gateway, and one that signs the token here. */
const withOwnKey = async (input, init) => {
  const answer = await fetch(input, init);
  if (!String(input).endsWith('jwks.json')) {
    return answer;
  }
  const { keys } = await answer.json();
  return Response.json({ keys: [...keys, ...test.jwks.keys] });
};
const resident = () => {
  globalThis.gc();
  return process.memoryUsage().rss / 1e6;
};
/** Microseconds that a token takes which was verified before. */
async function costOf(verifier) {
  const calls = 200_000;
  await verifier.verify(token);
  const began = performance.now();
  for (let call = 0; call < calls; call += 1) {
    await verifier.verify(token);
  }
  return ((performance.now() - began) / calls) * 1000;
}

const options = { issuer, audience: issuer, fetch: withOwnKey };
const plain = createVerifier(options);
await costOf(plain);
const before = resident();
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
const began = performance.now();
let onHeard;
const heard = new Promise((resolve) => {
  onHeard = resolve;
});
const verifier = createVerifier({
  ...options,
  revocations: { key, onChange: (state) => state === 'heard' && onHeard() },
});
await Promise.all([heard, verifier.verify(token)]);
const [took, longest] = [performance.now() - began, delay.max / 1e6];
const after = resident();
const costs = [];
for (let round = 0; round < 5; round += 1) {
  costs.push([await costOf(plain), await costOf(verifier)]);
}
const middle = (which) => costs.map((pair) => pair[which]).toSorted((one, other) => one - other)[2];
process.send({ took, longest, memory: after - before, plain: middle(0), subscribed: middle(1) });
verifier.close();
