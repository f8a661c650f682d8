import type { StartFault, TargetCondition } from '../../core/driver.ts';
import type { Kept, Mirror } from '../../kube/mirror.ts';
import { fieldsOf, keptOf, textOf } from './pod-fields.ts';
import { type CountOwner, isNewer, type ScaleObject } from './scale-object.ts';
import type { ResolvedTarget } from './scale-target.ts';

/** An HorizontalPodAutoscaler or a ScaledObject of KEDA: what it scales. */
export interface AutoscalerView extends Kept {
  readonly kind: string;
  readonly target: { readonly kind: string; readonly name: string };
}

/** The view of an autoscaler; KEDA takes a Deployment where no kind is given. */
export function projectAutoscaler(object: unknown): AutoscalerView | null {
  const kept = keptOf(object);
  if (kept === null) return null;
  const { kind, spec } = fieldsOf(object);
  const target = fieldsOf(fieldsOf(spec).scaleTargetRef);
  return {
    ...kept,
    kind: textOf(kind) || 'autoscaler',
    target: { kind: textOf(target.kind) || 'Deployment', name: textOf(target.name) },
  };
}

/** Why a target must not be scaled from here: an autoscaler that owns it; null: none does. */
export function judgeAutoscalers(
  mirrors: readonly Mirror<AutoscalerView>[],
  { resource, name, namespace }: ResolvedTarget,
): { readonly reason: string; readonly fault: StartFault } | null {
  for (const mirror of mirrors) {
    for (const { kind, name: rival, target, namespace: where } of mirror.list()) {
      if (where !== namespace || target.kind !== resource.kind || target.name !== name) continue;
      const reason = `${kind} "${rival}" owns the count of ${resource.kind} "${name}": set scale.owner: external, or delete it`;
      return { reason, fault: 'contended' };
    }
  }
  return null;
}

const windowMs = 600_000;
const timesToName = 2;

/** Counts how often others set the count back from what was written here. */
export class Contest {
  /** `manager` is null: not known yet. */
  #resets: { readonly atMs: number; manager: string | null }[] = [];
  #lastVersion = '';
  readonly #isOwn: (owner: CountOwner) => boolean;

  constructor(isOwn: (owner: CountOwner) => boolean) {
    this.#isOwn = isOwn;
  }

  /** The object was seen with another count than the one that was written here last. */
  see({ resourceVersion, owner }: Pick<ScaleObject, 'resourceVersion' | 'owner'>, nowMs: number): void {
    if (resourceVersion === this.#lastVersion || (owner !== null && this.#isOwn(owner))) return;
    this.#lastVersion = resourceVersion;
    this.#resets.push({ atMs: nowMs, manager: owner?.manager ?? null });
  }

  /** The object as it is seen now: says who the last reset was by, where that is not known yet. */
  name(object: ScaleObject | undefined): void {
    const newest = this.#resets.at(-1);
    const { owner = null, resourceVersion = '' } = object ?? {};
    if (newest === undefined || newest.manager !== null || owner === null || this.#isOwn(owner)) return;
    if (!isNewer(this.#lastVersion, resourceVersion)) newest.manager = owner.manager;
  }

  /** `nowMs` at which the condition goes, if nothing happens; null: there is none. */
  dueMs(nowMs: number): number | null {
    const recent = this.#recent(nowMs);
    return recent.length < timesToName ? null : recent.at(-1)!.atMs + windowMs;
  }

  /** ReplicasContested, while the count was set back twice within ten minutes, until ten quiet ones have passed. */
  condition(nowMs: number): TargetCondition | null {
    const recent = this.#recent(nowMs);
    if (recent.length < timesToName) return null;
    const manager = recent.at(-1)!.manager ?? 'somebody';
    const message = `field manager "${manager}" sets spec.replicas back: ${remedyFor(manager)}`;
    return { type: 'ReplicasContested', message };
  }

  #recent(nowMs: number) {
    const newest = this.#resets.at(-1);
    if (newest === undefined || newest.atMs + windowMs <= nowMs) this.#resets = [];
    // Two within ten minutes of each other name it; it stays for ten minutes after the last.
    else this.#resets = this.#resets.filter(({ atMs }) => atMs + windowMs > newest.atMs);
    return this.#resets;
  }
}

function remedyFor(manager: string): string {
  if (/argo/i.test(manager))
    return 'leave replicas out of the manifest, or add /spec/replicas to ignoreDifferences of the Argo CD Application';
  if (/kustomize-controller|helm-controller|flux/i.test(manager))
    return 'leave replicas out of the manifest that Flux applies';
  if (/kube-controller-manager|keda/i.test(manager))
    return 'an autoscaler is at work: set scale.owner: external, or delete it';
  return 'leave replicas out of what it applies, or set scale.owner: external';
}
