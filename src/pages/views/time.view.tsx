import type { VNode } from 'preact';
import { useLanguage } from './page-props.js';

/** A time, for people and for machines: `<time datetime="2026-11-24T23:31:00.000Z">24 November 2026 at 23:31 UTC</time>`. */
export function Time({ iso }: { /** ISO 8601. */ readonly iso: string }): VNode {
  const { moment } = useLanguage();
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return <span>{iso}</span>;
  return <time datetime={time.toISOString()}>{moment(time)}</time>;
}
