import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type MetricDefinition, metricCatalogue } from '../metric.catalogue.js';
import { blockRunBy } from '../../../../test/support/document.blocks.js';
import { startGateway } from '../../../../test/support/gateway.js';
import { readMetrics } from '../../../../test/support/metrics.reader.js';
import { promtool } from '../../../../test/support/promtool.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const folder = join(root, 'docker/observability/');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

const dashboardSchema = z.object({
  panels: z.array(
    z.object({
      id: z.number(),
      title: z.string().min(3),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).min(1),
    }),
  ),
});

let scrape: string;
/** Names of series, as they are in a scrape, and Prometheus' own. */
let existing: Set<string>;

beforeAll(async () => {
  const gateway = await startGateway({ METRICS: 'on' });
  try {
    scrape = (await gateway.request('/metrics', { headers: { host: '10.1.2.3:3000' } })).text;
  } finally {
    await gateway.stop();
  }
  existing = new Set(['up', ...[...readMetrics(scrape).keys()].map((series) => series.replace(/\{.*/, ''))]);
}, 900_000);

const dashboard = dashboardSchema.parse(JSON.parse(read('dashboard.json')));
const panelExpressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const alerts = read('alerts.yml')
  .split(/^ {6}- alert: /m)
  .slice(1);
const alertNames = alerts.map((alert) => alert.split('\n', 1)[0] ?? '');

/** The metrics that expressions name. */
const namesIn = (text: string): string[] =>
  [...text.matchAll(/\b(?:(?:vestibule|nodejs|process)_\w+|up)(?=[{[) ]|$)/gm)].map(([name]) => name);

describe('a scrape', () => {
  it('is what promtool finds nothing wrong with', () => {
    expect(promtool(['check', 'metrics'], scrape)).toEqual({ code: 0, text: '' });
  });

  it('and promtool would have found something', () => {
    const wrong =
      '# HELP wrong_total A gauge with the name of a counter.\n# TYPE wrong_total gauge\nwrong_total 1\n';
    expect(promtool(['check', 'metrics'], wrong).code).not.toBe(0);
  });
});

describe('the example for Prometheus', () => {
  it('is a configuration that promtool takes, with its rules', () => {
    const { code, text } = promtool(['check', 'config', join(folder, 'prometheus.yml')]);
    expect([code, text]).toEqual([0, expect.stringContaining(`SUCCESS: ${alerts.length} rules found`)]);
  });
});

it('the commands of docs/observability.md succeed as they are printed', () => {
  const commands = blockRunBy('docs/observability.md', 'src/features/metrics/test/observability.spec.ts')
    .trim()
    .split('\n');
  for (const command of commands) {
    const [program, ...args] = command.split(' ');
    const inCheckout = args.map((arg) => (arg.includes('/') ? join(root, arg) : arg));
    expect([program, promtool(inCheckout).code]).toEqual(['promtool', 0]);
  }
});

describe('alert rules', () => {
  it('fire when they should and only then', () => {
    const { code, text } = promtool(['test', 'rules', join(folder, 'alerts.test.yml')]);
    expect([code, text]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  it('are each shown to fire once, and to keep quiet', () => {
    const cases = read('alerts.test.yml');
    expect(alertNames.length).toBeGreaterThan(10);
    for (const name of alertNames) {
      const results = [...cases.matchAll(new RegExp(`alertname: ${name}\n\\s+exp_alerts:(.*)`, 'g'))];
      const isQuiet = new Set(results.map(([, rest]) => rest?.includes('[]')));
      expect([name, isQuiet]).toEqual([name, new Set([true, false])]);
    }
  });

  it('say what is wrong, what to do and how bad it is', () => {
    for (const alert of alerts) {
      expect(alert).toMatch(/severity: (?:critical|warning)/);
      expect(alert).toMatch(/summary: '.{10,}'\n\s+action: '.{10,}'/);
    }
  });
});

describe('the dashboard', () => {
  it('asks in PromQL that Prometheus can read', () => {
    const temporary = mkdtempSync(join(tmpdir(), 'vestibule-dashboard-'));
    try {
      const check = (expressions: readonly string[]): number | null => {
        const rules = expressions.map((expr, index) => ({
          record: `panel:${index}`,
          expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', 'vestibule'),
        }));
        const file = join(temporary, 'rules.yml');
        // JSON is YAML.
        writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
        return promtool(['check', 'rules', file]).code;
      };
      expect(check(panelExpressions)).toBe(0);
      expect(check([...panelExpressions, 'sum by (route) (rate(vestibule_http_requests_total))'])).not.toBe(
        0,
      );
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  });

  it('has panels side by side, none upon another', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from(
        { length: w * h },
        (_value, index) => `${x + (index % w)},${y + Math.floor(index / w)}`,
      );
    });
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});

describe('dashboard and alerts', () => {
  it('ask for nothing that the gateway does not tell', () => {
    const used = namesIn([...panelExpressions, ...alerts].join('\n'));
    expect(used.length).toBeGreaterThan(30);
    expect(used.filter((name) => !existing.has(name))).toEqual([]);
  });

  it('show every metric of the gateway', () => {
    const names = namesIn(panelExpressions.join('\n'));
    const used = new Set(names.map((name) => name.replace(/_(?:bucket|sum|count)$/, '')));
    expect(Object.keys(metricCatalogue).filter((name) => !used.has(name))).toEqual([]);
  });

  it('name labels and values that there are', () => {
    const definitions: Readonly<Record<string, MetricDefinition>> = metricCatalogue;
    const text = [...panelExpressions, ...alerts].join('\n');
    const selectors = [...text.matchAll(/\b(vestibule_\w+?)(?:_bucket|_count|_sum)?\{([^}]*)\}/g)];
    expect(selectors.length).toBeGreaterThan(20);
    for (const [, name = '', selector = ''] of selectors) {
      for (const [, label = '', value = ''] of selector.matchAll(/(\w+)=~?"([^"]*)"/g)) {
        if (label === 'job') {
          continue;
        }
        const values = definitions[name]?.labels[label] ?? [];
        const alternatives = value.split('|').map((one) => new RegExp(`^(?:${one})$`));
        expect([name, label, alternatives.every((one) => values.some((known) => one.test(known)))]).toEqual([
          name,
          label,
          true,
        ]);
      }
    }
  });
});
