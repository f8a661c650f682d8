import { formatDuration } from '../config/quantities.ts';
import type { BackendSettings, ModelSettings, Settings } from '../config/settings.ts';

/** Where the gateway listens, with the ports that the system chose. */
export interface GreetingAddresses {
  readonly address: { readonly host: string; readonly port: number };
  readonly adminAddress: { readonly host: string; readonly port: number };
  /** Of the surfaces that have a port of their own, by name. */
  readonly surfaceAddresses: ReadonlyMap<string, { readonly host: string; readonly port: number }>;
}

/** More models than that would push the rest off the screen. */
const mostListed = 20;

/** What a person reads at the start: where it listens, what each model is, and one request to try. Ends with a line break. */
export function greeting(settings: Settings, addresses: GreetingAddresses): string {
  const { address, adminAddress, surfaceAddresses } = addresses;
  const scheme = settings.server.tls === null ? 'http' : 'https';
  const url = `${scheme}://${address.host}:${address.port}`;
  const models = [...settings.models.values()];
  const named = models.find(({ match }) => match === null);
  const lines = [
    `Pilotlight listens on ${url} (OpenAI: ${url}/v1), admin on http://${adminAddress.host}:${adminAddress.port}`,
    models.length === 0 ? 'Models are found in the cluster.' : 'Models:',
    ...models.slice(0, mostListed).map(describe),
  ];
  if (models.length > mostListed) lines.push(`  and ${models.length - mostListed} more`);
  const bases = settings.surfaces.map(({ name, prefix }) => {
    const { host, port } = surfaceAddresses.get(name) ?? address;
    return `  ${name}: ${scheme}://${host}:${port}${prefix}`;
  });
  if (bases.length > 0) lines.push('Surfaces:', ...bases);
  if (named !== undefined)
    lines.push('Try:', `  ${tryCommand(url, named.name, settings.auth.keys.length > 0)}`);
  return `${lines.join('\n')}\n`;
}

function describe({ name, aliases, revision }: ModelSettings): string {
  const { backend, concurrency } = revision;
  const also = aliases.length > 0 ? ` (also ${aliases.join(', ')})` : '';
  const limit = concurrency === 0 ? 'no limit' : `${concurrency} at once`;
  return `  ${name}${also}: ${limit}, ${idleOf(revision)}; ${whatOf(name, backend)}`;
}

function whatOf(name: string, backend: BackendSettings): string {
  if (backend.driver === 'process') return `runs ${commandLine(name, backend.command)}`;
  if (backend.driver === 'static') return backend.urls.join(', ');
  const { kind, name: target } = backend.scaleTarget;
  return `scales ${kind}/${target}${backend.namespace === null ? '' : ` in ${backend.namespace}`}`;
}

function idleOf({ backend, scale }: ModelSettings['revision']): string {
  if (backend.driver === 'static' || scale.min >= scale.max) return 'stays up';
  if (scale.coldStartMs !== null) return `${zero(scale.min)} after an idle time that is learned`;
  if (scale.idleMs > 0) return `${zero(scale.min)} after ${formatDuration(scale.idleMs)} idle`;
  return scale.min > 0 ? 'stays up' : 'stays up once it was asked for';
}

function zero(min: number): string {
  return min === 0 ? 'to zero' : `to ${min}`;
}

/** As one would type it: this program by its name, the model filled in; the port is chosen at each start. */
function commandLine(model: string, [first = '', ...rest]: readonly string[]): string {
  const program = first === '{pilotlight}' ? 'pilotlight' : first;
  const words = [program, ...rest].map((word) =>
    word.replaceAll('{model}', model).replaceAll('{port}', 'PORT'),
  );
  return words.map(quoted).join(' ');
}

/** For a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function tryCommand(url: string, model: string, needsKey: boolean): string {
  const key = needsKey ? " -H 'authorization: Bearer KEY'" : '';
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] });
  return `curl ${url}/v1/chat/completions${key} -H 'content-type: application/json' -d ${quoted(body)}`;
}
