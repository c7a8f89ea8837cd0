// Advisories about the programs that are pinned in docker/, assessed by hand in docker/advisories.json. Nothing here asks the network:
// a new advisory becomes known by `govulncheck` (docs/internals/release.md), and then gets its entry.
import semver from 'semver';

/**
 * An advisory as it stands in docker/advisories.json.
 * @typedef {object} Advisory
 * @property {string} id
 * @property {readonly string[]} [aliases]
 * @property {string} module
 * @property {string} fixed Without a leading v.
 * @property {boolean} exposed Whether the shipped configuration is exposed where the fix is missing.
 * @property {string} summary
 * @property {string} why
 */

/** Versions that a go.mod requires, after its replacements: module → version without v. */
export function goPins(goMod) {
  const pins = new Map(
    [...goMod.matchAll(/^\s*(?:require\s+)?([\w.~/-]+\.[\w.~/-]+) v([\w.+-]+)(?:\s|$)/gm)].map(
      ([, name, version]) => [name, version],
    ),
  );
  for (const [, name, target, version] of goMod.matchAll(
    /^\s*(?:replace\s+)?(\S+)(?: v\S+)? => (\S+) v(\S+)$/gm,
  )) {
    pins.delete(name);
    pins.set(target, version);
  }
  return pins;
}

/**
 * Where an advisory stands.
 * @param pinned lowest version in use, without v.
 * @returns `open`: the shipped configuration is exposed; `not exposed`: the version is old enough, and the configuration isn't.
 */
export function advisoryState({ fixed, exposed }, pinned) {
  if (semver.valid(fixed) !== null && semver.gte(pinned, fixed)) {
    return 'fixed';
  }
  return exposed ? 'open' : 'not exposed';
}

function lowest(versions) {
  return [...versions].sort(semver.compare)[0];
}

/** Advisories with the versions in use. @param goMods texts of the go.mod files. */
export function assess(advisories, goMods) {
  const pins = goMods.map(goPins);
  return advisories.map((advisory) => {
    const pinned = lowest(pins.flatMap((each) => each.get(advisory.module) ?? []));
    return {
      ...advisory,
      pinned,
      state: pinned === undefined ? 'unused' : advisoryState(advisory, pinned),
    };
  });
}

const members = new Set(['id', 'aliases', 'module', 'fixed', 'exposed', 'summary', 'why']);
const aliasForm = /^(?:CVE-(?:19|20)\d{2}-\d{4,7}|GO-20\d{2}-\d{4,6})$/;

/** Whether an entry has a member that nothing reads, or an alias that no other database could have. */
function isMisspelt({ aliases = [], ...entry }) {
  return (
    Object.keys(entry).some((name) => !members.has(name)) ||
    !Array.isArray(aliases) ||
    !aliases.every((alias) => aliasForm.test(alias))
  );
}

/**
 * Advisories that are open, entries that nothing in use needs any more, and entries that don't say enough.
 * @param {readonly Advisory[]} advisories
 * @param {readonly string[]} goMods texts of the go.mod files.
 * @returns {string[]}
 */
export function advisoryProblems(advisories, goMods) {
  const names = advisories.map(({ id, module }) => `${id} (${module})`);
  const misspelt = advisories.flatMap((entry, at) =>
    isMisspelt(entry) ? [`${names[at]} has a member or an alias that is misspelt`] : [],
  );
  const twice = names
    .filter((name, at) => names.indexOf(name) !== at)
    .map((name) => `${name} is in the list twice`);
  const assessed = assess(advisories, goMods).flatMap(
    ({ id, module, fixed, exposed, summary, why, pinned, state }) => {
      const name = `${id} (${module})`;
      if (!/^GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}$/.test(id) || semver.valid(fixed) === null) {
        return [`${name} isn't an advisory with the version that fixes it`];
      }
      if (typeof exposed !== 'boolean' || !/\w.*\.$/.test(summary ?? '') || !/\w.*\.$/.test(why ?? '')) {
        return [`${name} doesn't say whether the shipped configuration is exposed, and why`];
      }
      if (state === 'unused') {
        return [`${name} is about a module that isn't in use`];
      }
      return state === 'open' ? [`${name} is open: ${pinned} is in use, fixed in ${fixed}`] : [];
    },
  );
  return [...misspelt, ...twice, ...assessed];
}

/**
 * docs/internals/advisories.md.
 * @param {readonly Advisory[]} advisories
 * @param {readonly string[]} goMods texts of the go.mod files.
 */
export function renderAdvisoryDocs(advisories, goMods) {
  const rows = assess(advisories, goMods).map(
    ({ id, aliases = [], module, fixed, exposed, summary, why, pinned, state }) => [
      [`[${id}](https://github.com/advisories/${id})`, ...aliases].join(', '),
      `\`${module}\` ${pinned}`,
      state === 'fixed' ? `fixed in ${fixed}` : `**${state}**, fixed in ${fixed}`,
      exposed ? 'yes' : 'no',
      `${summary} ${why}`,
    ],
  );
  const heads = ['Advisory', 'In use', 'State', 'Would be exposed', 'What it is, and why'];
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => row[at].length)));
  const line = (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`;
  return [
    '# Advisories about Kratos, Hydra and Mailpit',
    '',
    '<!-- Generated by `npm run docs` from docker/advisories.json and docker/*/go.mod. -->',
    '',
    'The programs are built from the Go modules in `docker/`. Each advisory about them or about a module in them that we know of is assessed',
    'here: the version in use, the version that fixes it, and whether the shipped configuration would be exposed without the fix.',
    '`npm run check` fails while an advisory is open, that is, unfixed and exposed. It asks no network: run `govulncheck` in each folder',
    'before a release ([release.md](release.md)), and add what it finds to `docker/advisories.json`.',
    '',
    line(heads),
    line(widths.map((width) => '-'.repeat(width))),
    ...rows.map(line),
    '',
  ].join('\n');
}
