// A flame graph of stacks: a box for each function, as wide as the time in it and what it calls, upon its caller.
const width = 1200;
const rowHeight = 17;
/** Boxes that are narrower, in pixels, are left out. */
const leastWidth = 0.6;
/** Pixels of a letter. */
const letter = 6.6;

const colours = [
  [/^(?!.*\/node_modules\/).*\/dist\//, '#c2410c'],
  [/\/node_modules\/@nestjs|\/rxjs\//, '#e11d48'],
  [/\/node_modules\/(?:fastify|find-my-way|@fastify)/, '#475569'],
  [/\/node_modules\/(?:pino|sonic-boom)/, '#15803d'],
  [/^node:/, '#0369a1'],
];
/** Of the kernel's and native functions within others, those that say what is going on. */
const telling =
  /^(?:__x64_sys_\w+|sock_def_readable|net_rx_action|llhttp__internal_execute|v8::internal::Heap::CollectGarbage)$/;

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

function treeOf(stacks) {
  const root = { frame: { name: 'all', url: '', line: 0 }, total: 0, children: new Map() };
  for (const { frames } of stacks) {
    const shown = frames.filter(
      ({ kind, name }, index) => index === 0 || kind === 'script' || telling.test(name),
    );
    let node = root;
    node.total += 1;
    for (const frame of shown.toReversed()) {
      // The same function called from the same place is one box, however often V8 has compiled it.
      const key = `${frame.name} ${frame.url} ${frame.line}`;
      const known = node.children.get(key) ?? { frame, total: 0, children: new Map() };
      node.children.set(key, known);
      known.total += 1;
      node = known;
    }
  }
  return root;
}

/** @param stacks with their frames from the innermost on. @returns an SVG picture; each box says its function, file and share. */
export function flameGraph(stacks, title) {
  const root = treeOf(stacks);
  const scale = width / root.total;
  const boxes = [];
  let depth = 0;
  const draw = (node, x, level) => {
    const size = node.total * scale;
    if (size < leastWidth) {
      return;
    }
    depth = Math.max(depth, level);
    boxes.push({ node, x, level, size });
    let at = x;
    for (const child of [...node.children.values()].toSorted((one, other) => other.total - one.total)) {
      draw(child, at, level + 1);
      at += child.total * scale;
    }
  };
  draw(root, 0, 0);
  const height = (depth + 3) * rowHeight;
  const shapes = boxes.map(({ node, x, level, size }) => {
    const { name, url, line } = node.frame;
    const file = url.replace(/^.*\/(?=(?:node_modules|dist|bench)\/)/, '');
    const share = ((100 * node.total) / root.total).toFixed(1);
    const y = height - (level + 1) * rowHeight;
    const colour = colours.find(([pattern]) => pattern.test(url))?.[1] ?? '#64748b';
    const room = Math.floor((size - 4) / letter);
    const label =
      room < 4 ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(name.slice(0, room))}</text>`;
    return `<g><title>${escaped(`${name} ${file}${line > 0 ? `:${line}` : ''} ${share}%`)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(size - 0.4, 0.3).toFixed(1)}" height="${rowHeight - 1}" fill="${colour}"/>${label}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="11" fill="#fff"><rect width="${width}" height="${height}" fill="#f8fafc"/><text x="4" y="14" fill="#0f172a">${escaped(title)}: processor time by function, callers below; idle time left out</text>
${shapes.join('\n')}
</svg>
`;
}
