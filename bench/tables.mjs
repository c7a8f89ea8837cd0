// Figures and tables of Markdown.
import { mkdirSync, writeFileSync } from 'node:fs';
import { median, spreadOf } from './measure.mjs';

export const whole = (value) => Math.round(value).toLocaleString('en');
export const share = (value) => value.toFixed(2);
export const spread = ({ median, least, most }, print) => `${print(median)} (${print(least)}–${print(most)})`;
const millis = (micros) => (micros / 1000).toFixed(1);

/** A table of Markdown; all columns but the first are numbers. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_cell, index) => (index === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

export const column = (windows, name) => windows.map((window) => window[name]);
/** The middle one of a figure of windows. */
export const middle = (windows, name) => median(column(windows, name));

/** A row of what windows of one case measured. @param base requests a second that they are told as a part of. */
export function windowRow(title, windows, base) {
  const rate = middle(windows, 'rate');
  return [
    title,
    spread(spreadOf(column(windows, 'rate')), whole),
    ...(base === undefined ? [] : [share(rate / base)]),
    millis(middle(windows, 'p50')),
    millis(middle(windows, 'p90')),
    millis(middle(windows, 'p99')),
    middle(windows, 'cpu').toFixed(2),
    whole(middle(windows, 'resident')),
  ];
}
/** Its columns, after the rate. */
export const windowHead = ['p50 ms', 'p90 ms', 'p99 ms', 'CPU s / 10,000', 'MB'];

/** Prints a table and keeps it for the page (bench/report.mjs) when the measurement is whole. */
export function keepTable(name, bench, { head, rows }, isWhole) {
  process.stdout.write(`${table(head, rows)}\n`);
  if (isWhole) {
    const folder = new URL('results/', import.meta.url);
    mkdirSync(folder, { recursive: true });
    const kept = { at: new Date().toISOString(), node: bench.nodeVersion, head, rows };
    writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(kept, undefined, 1)}\n`);
  }
}
