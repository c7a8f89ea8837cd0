import type { VNode } from 'preact';

const FORMAT = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'long',
  timeStyle: 'short',
  hourCycle: 'h23',
  timeZone: 'UTC',
});

/** A moment in words and for machines: `<time datetime="2026-11-24T23:31:00.000Z">24 November 2026 at 23:31 UTC</time>`. */
export function Time({ iso }: { /** ISO 8601. */ readonly iso: string }): VNode {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return <span>{iso}</span>;
  return <time datetime={moment.toISOString()}>{`${FORMAT.format(moment)} UTC`}</time>;
}
