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

/** The least share of the last release's rate: a smaller loss can't be told from chance. */
const leastOfRelease = 0.97;
const releaseCases = [{ id: 'open-cookie', title: 'own unguarded' }, ...pairs];

/**
 * Goals with what came of them; undefined ones weren't measured.
 * @param release ratios to the last release in each round (bench/against.mjs), with its version.
 */
export function goalsOf({ own, release, revoked }) {
  const goals = [];
  const add = (title, goal, entries) => {
    if (entries !== undefined) {
      goals.push({ title, goal, processor: processorOf(entries), ...spreadOf(ratiosOf(entries)) });
    }
  };
  for (const { id, title, goal } of pairs) {
    add(`${title} / own unguarded`, goal, own?.pairs[id]);
  }
  for (const { id, title } of release === undefined ? [] : releaseCases) {
    const values = release.found[id];
    goals.push({
      title: `${title} / ${release.version}`,
      goal: leastOfRelease,
      processor: median(values.cpu),
      ...spreadOf(values.rate),
    });
  }
  if (own?.pairs.revoked !== undefined) {
    add(`hot cookie with ${whole(revoked)} ended sessions / with none`, 0.97, own.pairs.revoked);
  }
  return goals;
}

/**
 * What came of comparisons with others, which have no goal: a peer that does less answers more.
 * @param beside windows of servers that were measured right after each other, with their titles and kinds.
 */
export function comparisonsOf(beside) {
  const compared = [];
  const add = (title, base, id) => {
    const entries = beside.windows[id].map((guarded, index) => ({
      base: beside.windows[base][index],
      guarded,
    }));
    compared.push({ title, processor: processorOf(entries), ...spreadOf(ratiosOf(entries)) });
  };
  add('own unguarded without access log / Fastify', 'fastify', 'quiet-open');
  add('own unguarded as shipped / Fastify', 'fastify', 'own-open');
  // The fastest one in the frame that Vestibule is in, and the fastest of all, which has no frame to carry.
  const stateless = statelessPeers(beside);
  for (const { id, title } of new Set([bestInFrame(stateless), stateless[0]])) {
    add(`hot cookie as shipped / ${title}`, id, 'own-hot');
    add(`hot cookie without access log / ${title}`, id, 'quiet-hot');
    add(`cold cookie as shipped / ${title}`, id, 'own-cold');
    add(`cold cookie without access log / ${title}`, id, 'quiet-cold');
  }
  return compared;
}

/** The ratios of the rounds that a goal is about, by name: how far they spread says whether a run counts. */
export function goalRatios({ own, release }) {
  const found = Object.entries(own?.pairs ?? {})
    .filter(([id]) => id === 'revoked' || pairs.some((pair) => pair.id === id))
    .map(([id, entries]) => [id, ratiosOf(entries)]);
  const toRelease = Object.entries(release?.found ?? {}).map(([id, { rate }]) => [
    `${id}, to the release`,
    rate,
  ]);
  return Object.fromEntries([...found, ...toRelease]);
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
