import type { Needs } from '../core/room.ts';
import type { RawGpus } from './gpus.ts';
import type { RawFault } from './issues.ts';
import type { RawModel } from './model.ts';
import { needsFault } from './needs-fault.ts';
import { fitTogether, type PackingRoom } from './packing.ts';
import type { Path } from './path.ts';
import type { Sections } from './sections.ts';
import { gpusOf, needsOf } from './shared-settings.ts';

/** What is wrong between what models need and what there is. */
export function roomFaults(sections: Sections): RawFault[] {
  const { gpus, hostMemory, groups, models } = sections;
  const faults = [...gpuFaults(gpus ?? []), ...groupFaults(groups ?? {}, sections)];
  if (gpus === undefined || hostMemory === undefined || faults.length > 0) return faults;
  const room = { gpus: gpusOf(gpus), hostBytes: hostMemory === 0 ? null : hostMemory };
  // What is wrong by itself is told by modelNeedsFaults.
  if ([...models.values()].some((model) => driverNeedsFaults([], model).length > 0)) return faults;
  const each = [...models].flatMap(([name, model]) => {
    const found = needsFault(needsOf(model.needs), model.backend.driver, room);
    return found === null ? [] : [fault(['models', name, 'needs', ...found.path], found.message)];
  });
  if (each.length > 0 || room.gpus === 'auto') return each;
  return keptFaults(models, groups ?? {}, { ...room, gpus: room.gpus });
}

/** What is wrong with a model's needs by themselves, and where it uses them; `path` is that of the model. */
export function modelNeedsFaults(path: Path, model: RawModel): RawFault[] {
  return [...placeholderFaults([...path, 'backend'], model), ...driverNeedsFaults([...path, 'needs'], model)];
}

/** Needs that a model's driver cannot have, whatever there is; `path` is that of `needs`. */
function driverNeedsFaults(path: Path, { needs, backend, scale }: RawModel): RawFault[] {
  if (needs === null) return [];
  if (backend.driver === 'static')
    return [fault(path, 'does not apply to static: its replicas are never started')];
  if (backend.driver !== 'kubernetes') return [];
  const whole = 'does not apply to kubernetes: GPUs of a cluster are taken whole';
  if (needs === 'auto') return [fault(path, whole.replace('does', 'auto does'), 'say { gpus, pool }')];
  const faults: RawFault[] = [];
  if (needs.memory !== 0) faults.push(fault([...path, 'memory'], whole));
  if (needs.hostMemory > 0) {
    const message = 'does not apply to kubernetes: it is that of this machine';
    faults.push(fault([...path, 'hostMemory'], message));
  }
  if (scale.owner === 'external')
    faults.push(fault(path, 'does not go with scale.owner external: others start replicas as they like'));
  return faults;
}

/** `{gpus}` where there is nothing to fill in; `path` is that of `backend`. */
function placeholderFaults(path: Path, { backend, needs }: RawModel): RawFault[] {
  if (backend.driver !== 'process' || (needsOf(needs)?.gpus ?? 0) > 0) return [];
  const message = '{gpus} is filled in for a model with needs.gpus';
  const isNamed = (text: string) => text.includes('{gpus}');
  const words = backend.command.flatMap((word, at) => (isNamed(word) ? [[...path, 'command', at]] : []));
  const names = Object.keys(backend.env).filter((name) => isNamed(backend.env[name]!));
  return [...words, ...names.map((name) => [...path, 'env', name])].map((place) => fault(place, message));
}

function fault(path: Path, message: string, hint: string | null = null): RawFault {
  return { path, message, hint };
}

function gpuFaults(gpus: RawGpus): RawFault[] {
  if (gpus === 'auto') return [];
  const seen = new Set<string>();
  const isLocal = gpus.some((entry) => 'id' in entry);
  return gpus.flatMap((entry, at) => {
    const name = 'id' in entry ? `GPU ${entry.id}` : `pool ${entry.pool}`;
    const faults: RawFault[] = [];
    if (seen.has(name)) faults.push(fault(['gpus', at], `names ${name} twice`));
    if (isLocal && !('id' in entry)) {
      const message = 'is of a cluster, others are of this machine: the two do not mix';
      faults.push(fault(['gpus', at], message));
    }
    seen.add(name);
    return faults;
  });
}

type Groups = NonNullable<Sections['groups']>;

function groupFaults(groups: Groups, { kubernetes, modelNames }: Sections): RawFault[] {
  const areFound = kubernetes?.discovery.models || kubernetes?.discovery.annotations;
  const groupByMember = new Map<string, string>();
  return Object.entries(groups).flatMap(([name, { members, exclusive, persistent }]) => {
    const path = ['groups', name];
    const faults = members.flatMap((member, at) => {
      const other = groupByMember.get(member);
      groupByMember.set(member, name);
      const place = [...path, 'members', at];
      if (!areFound && !modelNames.includes(member)) return [fault(place, `names no model: ${member}`)];
      return other === undefined ? [] : [fault(place, `${member} is in the group ${other} already`)];
    });
    if (exclusive && persistent) {
      const message = 'does not go with exclusive: once a member ran, no other model ever would';
      faults.push(fault([...path, 'persistent'], message));
    }
    return faults;
  });
}

/** Replicas that `scale.min` keeps must fit at once, and every model beside them: they go for nobody. */
function keptFaults(models: Sections['models'], groups: Groups, room: PackingRoom): RawFault[] {
  const counted = [...models].flatMap(([name, { needs, scale }]) => {
    const needed = needsOf(needs);
    return needed === null ? [] : [{ name, needs: needed, min: scale.min ?? 0 }];
  });
  const keeping = counted.filter(({ min }) => min > 0);
  if (!fitTogether(replicasOf(keeping), room)) {
    const message = `cannot be kept: there is no room for the replicas of ${namesOf(keeping)} at once`;
    return [fault(['models', keeping[0]!.name, 'scale', 'min'], message)];
  }
  return counted.flatMap(({ name, needs }) => {
    const beside = keeping.filter((one) => one.name !== name && !isSwappedWith(one.name, name, groups));
    if (fitTogether([...replicasOf(beside), needs], room)) return [];
    const message = `never fits beside what is kept by scale.min: ${namesOf(beside)}`;
    return [fault(['models', name, 'needs'], message)];
  });
}

/** Whether the one goes for the other, whatever keeps it. */
function isSwappedWith(one: string, other: string, groups: Groups): boolean {
  return Object.values(groups).some(({ members, swap, exclusive }) => {
    const count = [one, other].filter((name) => members.includes(name)).length;
    return count === 2 ? swap : count === 1 && exclusive;
  });
}

interface Counted {
  readonly name: string;
  readonly needs: Needs;
  readonly min: number;
}

function replicasOf(models: readonly Counted[]): Needs[] {
  return models.flatMap(({ needs, min }) => Array.from({ length: min }, () => needs));
}

function namesOf(models: readonly Counted[]): string {
  return models.map(({ name }) => name).join(', ');
}
