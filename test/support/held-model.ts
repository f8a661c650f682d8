import type { Exchange } from './exchange.ts';
import { ask, type ModelView, viewOf } from './world.ts';

/**
 * /health is 503 until the load time is over. A request is answered after its `holdMs`; without one, at once. Each answer
 * is the pid.
 */
const script = `
  const loadedAt = performance.now() + Number(process.argv[2]);
  require('http').createServer((req, res) => {
    if (req.url === '/health') return res.writeHead(performance.now() < loadedAt ? 503 : 200).end();
    let body = '';
    req.on('data', (chunk) => body += chunk).on('end', () => setTimeout(() =>
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ pid: process.pid })),
      JSON.parse(body).holdMs ?? 0));
  }).listen(+process.argv[1], '127.0.0.1');
`;

/** YAML of a model `m` of processes that load for `loadMs` and hold requests as asked (`hold`), one at once each. */
export function heldModel(loadMs: number, scale: string): string {
  const command = [process.execPath, '-e', script, '{port}', String(loadMs)];
  return `
  m:
    backend: { driver: process, command: ${JSON.stringify(command)}, ready: { path: /health }, stopGrace: 2s }
    concurrency: 1
    scale: { ${scale} }
`;
}

/** A request whose answer comes after `holdMs`, or never in a test's time. */
export function hold(gateway: { readonly url: string }, holdMs = 120_000): Exchange {
  return ask(gateway, { holdMs });
}

/** What the admin API says of the model `m`, with why there are as many replicas as there are. */
export async function decided(gateway: { readonly adminUrl: string }): Promise<DecidedView> {
  const view = (await viewOf(gateway)) as Omit<DecidedView, 'ready'>;
  return { ...view, ready: view.replicas.filter(({ state }) => state === 'ready').length };
}

/** A model as the admin API shows it, with its decision. */
export interface DecidedView extends ModelView {
  readonly decision: string;
  /** Replicas that take requests. */
  readonly ready: number;
}
