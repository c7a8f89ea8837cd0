// What was to be reached, and what came of it.
import { median, spreadOf } from './measure.mjs';
import { pairs } from './servers/own.mjs';
import { middle, whole } from './tables.mjs';

/** Guarded by base, of each round. */
export function ratiosOf(entries) {
  return entries.map(({ base, guarded }) => guarded.rate / base.rate);
}

/** The same in processor time of the server, which other work on the machine disturbs less. */
function processorOf(entries) {
  return median(entries.map(({ base, guarded }) => base.cpu / guarded.cpu));
}

/**
 * Goals with what came of them; undefined ones weren't measured.
 * @param beside windows of servers that were measured right after each other, with their titles and kinds.
 */
export function goalsOf({ own, beside, revoked }) {
  const goals = [];
  const add = (title, goal, entries) => {
    if (entries !== undefined) {
      goals.push({ title, goal, processor: processorOf(entries), ...spreadOf(ratiosOf(entries)) });
    }
  };
  for (const { id, title, goal } of pairs) {
    add(`${title} / own unguarded`, goal, own?.pairs[id]);
  }
  if (beside !== undefined) {
    const to = (base, id) =>
      beside.windows[id].map((guarded, index) => ({ base: beside.windows[base][index], guarded }));
    add('own unguarded without access log / Fastify', 0.65, to('fastify', 'quiet-open'));
    add('own unguarded as shipped / Fastify', 0.5, to('fastify', 'own-open'));
    // The fastest one in the frame that Vestibule is in, and the fastest of all, which has no frame to carry.
    const stateless = statelessPeers(beside);
    for (const { id, title } of new Set([bestInFrame(stateless), stateless[0]])) {
      add(`hot cookie as shipped / ${title}`, 1.8, to(id, 'own-hot'));
      add(`hot cookie without access log / ${title}`, 1.8, to(id, 'quiet-hot'));
      add(`cold cookie as shipped / ${title}`, 1, to(id, 'own-cold'));
      add(`cold cookie without access log / ${title}`, 1, to(id, 'quiet-cold'));
    }
  }
  if (own?.pairs.revoked !== undefined) {
    add(`hot cookie with ${whole(revoked)} ended sessions / with none`, 0.97, own.pairs.revoked);
  }
  return goals;
}

/** The fastest peer in the frame that Vestibule is in. @param stateless the fastest first. */
export function bestInFrame(stateless) {
  return stateless.find(({ title }) => title.includes('on Nest'));
}

/** Peers that decide without asking, the fastest first. */
export function statelessPeers({ windows, told }) {
  return Object.entries(told)
    .filter(([id, { kind }]) => kind === 'stateless' && id !== 'oauth2-proxy-auth')
    .map(([id, { title }]) => ({ id, title, rate: middle(windows[id], 'rate') }))
    .toSorted((one, other) => other.rate - one.rate);
}
