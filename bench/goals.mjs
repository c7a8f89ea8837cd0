// What was to be reached, and what came of it.
import { median, spreadOf } from './measure.mjs';
import { pairs } from './servers/own.mjs';
import { column, middle, whole } from './tables.mjs';

/** Guarded by base, of each round. */
export function ratiosOf(entries) {
  return entries.map(({ base, guarded }) => guarded.rate / base.rate);
}

/** The same in processor time of the server, which other work on the machine disturbs less. */
function processorOf(entries) {
  return median(entries.map(({ base, guarded }) => base.cpu / guarded.cpu));
}

/** Goals with what came of them; undefined ones weren't measured. */
export function goalsOf(found) {
  const { own, peers } = found;
  const goals = [];
  const add = (title, goal, values, processor) => {
    if (values !== undefined && values.length > 0 && values.every(Number.isFinite)) {
      goals.push({ title, goal, processor, ...spreadOf(values) });
    }
  };
  const addPair = (title, goal, entries) =>
    add(title, goal, entries && ratiosOf(entries), entries && processorOf(entries));
  for (const { id, title, goal } of pairs) {
    addPair(`${title} / own unguarded`, goal, own?.pairs[id]);
  }
  const rates = (id) => peers?.windows[id] && column(peers.windows[id], 'rate');
  const by = (entries, role, divisor) =>
    entries && divisor && entries.map((entry) => entry[role].rate / divisor);
  const bare = rates('fastify') && median(rates('fastify'));
  add('own unguarded without access log / Fastify', 0.65, by(own?.quiet?.cookie, 'base', bare));
  add('own unguarded as shipped / Fastify', 0.5, by(own?.pairs.cookie, 'base', bare));
  // The fastest one in the frame that Vestibule is in, and the fastest of all, which has no frame to carry.
  const stateless = statelessPeers(found);
  for (const best of new Set([stateless.find(({ title }) => title.includes('on Nest')), stateless[0]])) {
    if (best !== undefined) {
      add(`hot cookie as shipped / ${best.title}`, 1.8, by(own?.pairs.cookie, 'guarded', best.rate));
      add(`hot cookie without access log / ${best.title}`, 1.8, by(own?.quiet?.cookie, 'guarded', best.rate));
      add(`cold cookie as shipped / ${best.title}`, 1, by(own?.pairs.cold, 'guarded', best.rate));
      add(`cold cookie without access log / ${best.title}`, 1, by(own?.quiet?.cold, 'guarded', best.rate));
    }
  }
  addPair(`hot cookie with ${whole(found.revoked)} ended sessions / with none`, 0.97, own?.pairs.revoked);
  return goals;
}

/** Peers that decide without asking, the fastest first. */
export function statelessPeers({ peers }) {
  return Object.entries(peers?.told ?? {})
    .filter(([id, { kind }]) => kind === 'stateless' && id !== 'oauth2-proxy-auth')
    .map(([id, { title }]) => ({ title, rate: middle(peers.windows[id], 'rate') }))
    .toSorted((one, other) => other.rate - one.rate);
}
