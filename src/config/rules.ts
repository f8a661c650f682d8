import { formatAddress, isLoopback } from './address.ts';
import type { RawFault } from './issues.ts';
import { sha256Of } from './normalise.ts';
import type { Path } from './path.ts';
import type { RawConfig } from './schema.ts';
import type { Sections } from './sections.ts';
import type { Address } from './settings.ts';

type Server = RawConfig['server'];
type Auth = RawConfig['auth'];
type Model = RawConfig['models'][string];

/** What one key's schema cannot see: rules between keys, over the sections that are without fault in themselves. */
export function brokenRules({ server, auth, models, modelNames }: Sections): RawFault[] {
  return [
    ...(server && auth !== undefined ? exposureFaults(server, auth) : []),
    ...(auth && auth !== 'open' ? keyFaults(auth.keys) : []),
    ...nameFaults(models, modelNames),
    ...matchFaults(models),
    ...[...models].flatMap(([name, model]) => modelFaults(['models', name], model)),
  ];
}

function fault(path: Path, message: string, hint: string | null = null): RawFault {
  return { path, message, hint };
}

function exposureFaults(server: Server, auth: Auth): RawFault[] {
  const faults: RawFault[] = [];
  const admin = 'listen' in server.admin ? server.admin : { listen: server.admin, token: null };
  if (!isLoopback(server.listen.host) && auth === null) {
    const message = `${formatAddress(server.listen)} can be reached from other machines and no keys are set`;
    faults.push(fault(['server', 'listen'], message, 'set auth.keys, or say auth: open'));
  }
  if (!isLoopback(admin.listen.host) && admin.token === null) {
    const message = `${formatAddress(admin.listen)} can be reached from other machines and has no token`;
    faults.push(fault(['server', 'admin'], message, 'use { listen, token }'));
  }
  if (collide(admin.listen, server.listen)) {
    faults.push(fault(['server', 'admin'], 'is the same address as server.listen'));
  }
  return faults;
}

function collide(a: Address, b: Address): boolean {
  const isAnywhere = [a.host, b.host].some((host) => host === '0.0.0.0' || host === '::');
  return a.port !== 0 && a.port === b.port && (a.host === b.host || isAnywhere);
}

function keyFaults(keys: Exclude<Auth, null | 'open'>['keys']): RawFault[] {
  const names = new Set<string>();
  const hashes = new Set<string>();
  return keys.flatMap(({ name, key, sha256 }, index) => {
    const path = ['auth', 'keys', index];
    if ((key === undefined) === (sha256 === undefined))
      return [fault(path, 'must have one of key and sha256')];
    const hash = sha256?.toLowerCase() ?? sha256Of(key!);
    const faults: RawFault[] = [];
    if (names.has(name)) faults.push(fault([...path, 'name'], 'is the name of another key'));
    if (hashes.has(hash)) faults.push(fault(path, 'is the same key as another'));
    names.add(name);
    hashes.add(hash);
    return faults;
  });
}

function nameFaults(models: ReadonlyMap<string, Model>, names: readonly string[]): RawFault[] {
  const ownerByAlias = new Map<string, string>();
  const faults: RawFault[] = [];
  for (const [name, model] of models) {
    for (const [index, alias] of model.aliases.entries()) {
      const path = ['models', name, 'aliases', index];
      const owner = ownerByAlias.get(alias);
      if (names.includes(alias)) faults.push(fault(path, `${alias} is the name of a model`));
      else if (owner !== undefined) faults.push(fault(path, `${alias} is already an alias of ${owner}`));
      ownerByAlias.set(alias, name);
    }
  }
  return faults;
}

function matchFaults(models: ReadonlyMap<string, Model>): RawFault[] {
  const ownerByRule = new Map<string, string>();
  return [...models].flatMap(([name, { match }]) => {
    if (!match) return [];
    const headers = Object.entries(match.headers).map(([key, value]) => [key.toLowerCase(), value].join(':'));
    const hosts = match.hosts.map((host) => host.toLowerCase());
    const paths = match.paths.map((path) => path.replace(/\/$/, ''));
    const rule = JSON.stringify([hosts.toSorted(), paths.toSorted(), headers.toSorted()]);
    const owner = ownerByRule.get(rule);
    ownerByRule.set(rule, name);
    return owner === undefined
      ? []
      : [fault(['models', name, 'match'], `is the same rule as that of ${owner}`)];
  });
}

function modelFaults(path: Path, { backend, match, scale }: Model): RawFault[] {
  const faults: RawFault[] = [];
  const max = scale.max ?? (backend.driver === 'static' ? backend.urls.length : null);
  if (max !== null && (scale.min ?? 0) > max) {
    faults.push(fault([...path, 'scale', 'min'], `must be at most scale.max, which is ${max}`));
  }
  if (backend.driver === 'static' && max! > backend.urls.length) {
    const message = `must be at most the count of urls, which is ${backend.urls.length}`;
    faults.push(fault([...path, 'scale', 'max'], message));
  }
  if (backend.driver === 'process')
    faults.push(...commandFaults([...path, 'backend', 'command'], backend.command));
  if (match?.stripPrefix && match.paths.length === 0) {
    faults.push(fault([...path, 'match', 'stripPrefix'], 'needs match.paths'));
  }
  return faults;
}

function commandFaults(path: Path, command: readonly string[]): RawFault[] {
  const misplaced = command.lastIndexOf('{pilotlight}');
  if (misplaced > 0) return [fault([...path, misplaced], '{pilotlight} may only be the first word')];
  return command[0] === '' ? [fault([...path, 0], 'must name a program')] : [];
}
