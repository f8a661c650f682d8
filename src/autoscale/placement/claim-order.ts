import { isStaying, type TenantState } from './world.ts';

/** One more replica that a tenant asks for. */
export interface Turn {
  readonly tenant: TenantState;
  /** It has none: whoever asks for it is not served at all. */
  readonly isFirst: boolean;
  /** Somebody has waited for the first one for as long as anybody may be passed. */
  readonly isOverdue: boolean;
}

/**
 * Who is looked at first: those who were passed for too long, then those without a replica for which somebody waits, then
 * further replicas for which somebody waits, then all others; each in the order in which they asked. Pure.
 */
export function turnsOf(tenants: readonly TenantState[], maxPassMs: number, nowMs: number): Turn[] {
  const turns = tenants.flatMap((tenant) => {
    const { claim, holdings, waiting } = tenant;
    if (claim === null) return [];
    const hasOne = holdings.some(isStaying);
    const isOverdue = claim.isUrgent && !hasOne && waiting > 0 && nowMs >= claim.sinceMs + maxPassMs;
    return Array.from({ length: claim.missing }, (_, at) => {
      const isFirst = at === 0 && !hasOne;
      return { tenant, isFirst, isOverdue: isOverdue && isFirst };
    });
  });
  return turns.toSorted((a, b) => rankOf(a) - rankOf(b) || a.tenant.claim!.order - b.tenant.claim!.order);
}

function rankOf({ tenant, isFirst, isOverdue }: Turn): number {
  if (isOverdue) return 0;
  if (tenant.claim?.isUrgent !== true) return 3;
  return isFirst ? 1 : 2;
}
