// What processes use, as /proc says it.
import { readFileSync, readdirSync } from 'node:fs';

/** Clock ticks of a second, the same on every Linux that Node runs on. */
const ticks = 100;
const pageSize = 4096;

/** Processor seconds so far and resident megabytes of processes and all their descendants. */
export function usageOf(roots) {
  const members = familyOf(...roots);
  return {
    cpu: members.reduce((sum, { cpu }) => sum + cpu, 0),
    resident: members.reduce((sum, { resident }) => sum + resident, 0),
  };
}

/** Processes and all their descendants: `cpu` is their own processor time, `spent` that of children which have ended as well. */
export function familyOf(...roots) {
  const all = readAll();
  const family = new Set(roots);
  // Each pass finds the next generation.
  for (let before = -1; before !== family.size;) {
    before = family.size;
    for (const [pid, { parent }] of all) {
      if (family.has(parent)) {
        family.add(pid);
      }
    }
  }
  return [...family].flatMap((pid) => all.get(pid) ?? []);
}

/** Megabytes of a process, pages that it shares with others being divided among them (PSS). Reading those of another user takes root. */
export function pssOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const [, kilobytes] = /^Pss:\s+(\d+) kB$/m.exec(text) ?? [];
    return Number(kilobytes) / 1000;
  } catch (error) {
    // It has just ended.
    if (error.code === 'ENOENT' || error.code === 'ESRCH') {
      return 0;
    }
    throw error;
  }
}

/** Megabytes of processes and all their descendants (PSS). */
export function proportionalOf(roots) {
  return familyOf(...roots).reduce((sum, { pid }) => sum + pssOf(pid), 0);
}

function readAll() {
  const all = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) {
      continue;
    }
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // The second field is the program's name in brackets and may hold anything.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const cpu = (Number(fields[11]) + Number(fields[12])) / ticks;
      all.set(Number(name), {
        pid: Number(name),
        parent: Number(fields[1]),
        command: readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').filter(Boolean),
        cpu,
        spent: cpu + (Number(fields[13]) + Number(fields[14])) / ticks,
        resident: (Number(fields[21]) * pageSize) / 1e6,
      });
    } catch {
      // It has just ended.
    }
  }
  return all;
}
