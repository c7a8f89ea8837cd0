import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { plan, notMeasured, withoutDecision } from '../../scripts/mutation.plan.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (name: string): string => readFileSync(`${root}${name}`, 'utf8');
const document = read('docs/internals/mutation.md');

/** Wings in which at least this share of the mutants must be killed, in percent. */
const wings = ['session', 'auth-strategy', 'accounts', 'login', 'providers', 'features'].map(
  (name) => `src/${name}`,
);
const least = 85;
/** Folders of theirs of which each file is in the plan, or in a list beside it. */
const wholeFolders = [
  ...['', '/cookie', '/discovery', '/guards', '/revocation', '/store', '/tokens'].map(
    (name) => `src/session${name}`,
  ),
  ...['', '/sessions'].map((name) => `src/accounts${name}`),
  ...['', '/ory', '/ory/challenges'].map((name) => `src/providers${name}`),
  ...[
    'auth-strategy',
    'login',
    'features/command-line',
    'features/revocation-stream',
    'features/second-factor',
    'features/token-exchange',
  ].map((name) => `src/${name}`),
];

interface Row {
  readonly mutants: number;
  readonly killed: number;
  readonly alive: number;
  readonly score: string;
}

/** Wing or file → its line of the table. */
const rows = new Map(
  [
    ...document.matchAll(
      /^\| (?:`([\w./-]+)`|\*\*([\w./-]+)\/\*\*) +\| +(\d+) \| +(\d+) \| +(\d+) \| +(\d+) \| +([\d.]+)% \|$/gm,
    ),
  ].map(([, file, folder, mutants, killed, survived, missed, score = '']): [string, Row] => [
    file ?? folder ?? '',
    {
      mutants: Number(mutants),
      killed: Number(killed),
      alive: Number(survived) + Number(missed),
      score,
    },
  ]),
);
const wingOf = (file: string): string => file.split('/').slice(0, 2).join('/');
/** File → how many of its mutants live for a reason that is told. */
const argued = new Map<string, number>();
for (const [, file = '', count] of document.matchAll(/^\| `([\w./-]+)` +\| +(\d+) \| [^|]+ \|$/gm)) {
  argued.set(file, (argued.get(file) ?? 0) + Number(count));
}

describe('docs/internals/mutation.md', () => {
  it('has a line for each file of the plan and each wing of theirs, and no other', () => {
    const files = Object.keys(plan);
    expect([...rows.keys()].sort()).toEqual([...new Set([...files, ...files.map(wingOf)])].sort());
  });

  it('adds up', () => {
    for (const [name, { mutants, killed, alive, score }] of rows) {
      expect([name, killed + alive, score]).toEqual([name, mutants, ((100 * killed) / mutants).toFixed(1)]);
    }
    for (const wing of new Set(Object.keys(plan).map(wingOf))) {
      const within = Object.keys(plan).filter((file) => wingOf(file) === wing);
      const sum = (of: (row: Row) => number): number =>
        within.reduce(
          (total, file) => total + of(rows.get(file) ?? { mutants: 0, killed: 0, alive: 0, score: '' }),
          0,
        );
      const told = rows.get(wing);
      expect([wing, told?.mutants, told?.killed]).toEqual([
        wing,
        sum(({ mutants }) => mutants),
        sum(({ killed }) => killed),
      ]);
    }
  });

  it.each(wings)(`in %s at least ${least}% are killed`, (wing) => {
    const score = rows.get(wing)?.score ?? '0';
    expect(Number(score)).toBeGreaterThanOrEqual(least);
  });

  it('says why each mutant that lives may live', () => {
    const alive = [...rows].filter(
      ([name, row]) => name in plan && wings.includes(wingOf(name)) && row.alive > 0,
    );
    expect(Object.fromEntries(argued)).toEqual(
      Object.fromEntries(alive.map(([name, row]) => [name, row.alive])),
    );
  });
});

describe('the plan', () => {
  it('has every file of these folders that decides something', () => {
    const sources = wholeFolders.flatMap((folder) =>
      readdirSync(`${root}${folder}`)
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
        .map((name) => `${folder}/${name}`),
    );
    expect(sources.length).toBeGreaterThan(50);
    expect(sources.filter((name) => !(name in plan)).sort()).toEqual(
      [...withoutDecision, ...notMeasured].sort(),
    );
  });

  it('and the document name the files whose mutants have never been run', () => {
    for (const name of notMeasured) {
      expect(document).toContain(`- \`${name}\``);
    }
  });

  it('names specs that exist', () => {
    expect(
      Object.values(plan)
        .flat()
        .filter((name) => !existsSync(`${root}${name}`)),
    ).toEqual([]);
  });
});
