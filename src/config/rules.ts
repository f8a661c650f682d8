import { collide, formatAddress, isLoopback } from './address.ts';
import { Claims } from './claims.ts';
import { companionFaults } from './companion-rules.ts';
import { httpVersionFaults } from './http-version.ts';
import type { RawFault } from './issues.ts';
import type { RawKubernetes } from './kubernetes.ts';
import { ladderFaults } from './ladder-rules.ts';
import type { RawModel } from './model.ts';
import { sha256Of } from './normalise.ts';
import type { Path } from './path.ts';
import { policyFaults, signalFaults } from './policy-rules.ts';
import { formatDuration } from './quantities.ts';
import { readyFaults } from './ready.ts';
import { modelNeedsFaults, roomFaults } from './room-rules.ts';
import type { RawConfig } from './schema.ts';
import type { Sections } from './sections.ts';
import { surfaceFaults } from './surface-rules.ts';

type Server = RawConfig['server'];
type Auth = RawConfig['auth'];

/** What one key's schema cannot see: rules between keys, over the sections that are without fault in themselves. */
export function brokenRules(sections: Sections): RawFault[] {
  const { server, auth, kubernetes, models, modelNames } = sections;
  return [
    ...(server && auth !== undefined ? exposureFaults(server, auth) : []),
    ...surfaceFaults(sections),
    ...(auth && auth !== 'open' ? keyFaults(auth.keys) : []),
    ...(kubernetes ? leaseFaults(kubernetes) : []),
    ...emptyFaults(sections),
    ...claimFaults(models, modelNames),
    ...companionFaults(sections),
    ...roomFaults(sections),
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

function leaseFaults({ lease }: RawKubernetes): RawFault[] {
  if (lease === false) return [];
  const path = ['kubernetes', 'lease'];
  const faults: RawFault[] = [];
  if (lease.renewDeadline >= lease.duration) {
    const message = `must be less than duration, which is ${formatDuration(lease.duration)}`;
    faults.push(fault([...path, 'renewDeadline'], message));
  }
  if (lease.retry >= lease.renewDeadline) {
    const message = `must be less than renewDeadline, which is ${formatDuration(lease.renewDeadline)}`;
    faults.push(fault([...path, 'retry'], message));
  }
  return faults;
}

function emptyFaults({ kubernetes, lacking }: Sections): RawFault[] {
  const isFound =
    kubernetes === undefined || kubernetes?.discovery.models || kubernetes?.discovery.annotations;
  if (isFound || lacking === null) return [];
  return [fault(['models'], lacking === 'key' ? 'is required' : 'must hold at least one model')];
}

function claimFaults(models: ReadonlyMap<string, RawModel>, names: readonly string[]): RawFault[] {
  const claims = new Claims(null);
  for (const name of names) claims.addName(name);
  return [...models].flatMap(([name, model]) => {
    const claim = { name, ...model };
    const collisions = claims.collisionsOf(claim);
    claims.add(claim);
    return collisions.map(({ path, message }) => fault(['models', name, ...path], message));
  });
}

/** What is wrong with one model by itself; `path` is where it stands. */
export function modelFaults(path: Path, model: RawModel): RawFault[] {
  const { backend, match, scale } = model;
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
  faults.push(...driverFaults(path, backend, scale), ...policyFaults([...path, 'scale'], scale, max ?? 1));
  faults.push(...signalFaults([...path, 'scale'], scale, backend.driver));
  faults.push(...ladderFaults(path, model), ...httpVersionFaults(path, model), ...readyFaults(path, model));
  faults.push(...modelNeedsFaults(path, model));
  if (match?.stripPrefix && match.paths.length === 0) {
    faults.push(fault([...path, 'match', 'stripPrefix'], 'needs match.paths'));
  }
  return faults;
}

/** Keys of another driver. */
function driverFaults(path: Path, backend: RawModel['backend'], scale: RawModel['scale']): RawFault[] {
  const faults: RawFault[] = [];
  if (backend.driver === 'static' && scale.gauge) {
    const message = 'does not apply to static: its replicas are never ended';
    faults.push(fault([...path, 'scale', 'gauge'], message));
  }
  if (backend.driver === 'kubernetes') {
    if (backend.route !== 'service' || backend.service !== null) return faults;
    const message = 'is required with route: service';
    return [...faults, fault([...path, 'backend', 'service'], message)];
  }
  const message = `applies to kubernetes only, not to ${backend.driver}`;
  if (scale.owner === 'external') faults.push(fault([...path, 'scale', 'owner'], message));
  if (scale.capacityTimeout !== undefined) faults.push(fault([...path, 'scale', 'capacityTimeout'], message));
  return faults;
}

function commandFaults(path: Path, command: readonly string[]): RawFault[] {
  const misplaced = command.lastIndexOf('{pilotlight}');
  if (misplaced > 0) return [fault([...path, misplaced], '{pilotlight} may only be the first word')];
  return command[0] === '' ? [fault([...path, 0], 'must name a program')] : [];
}
