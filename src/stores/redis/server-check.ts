/** What a Redis says of itself (INFO) that the jobs on it should not be there for, or not without a word. */
export interface ServerFaults {
  /** Jobs must not be kept there; null: they may. */
  readonly fatal: string | null;
  /** What is lost there that need not be. */
  readonly lasting: readonly string[];
}

/** The oldest version whose commands and scripts are used. */
const leastMajor = 7;

/** Reads the answer to INFO; what it does not say (a managed Redis may hide it) is no fault. */
export function faultsOf(info: string): ServerFaults {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const version = field('redis_version');
  if (version !== undefined && Number.parseInt(version, 10) < leastMajor)
    return { fatal: `Redis ${version} is too old: ${leastMajor} or later is needed`, lasting: [] };
  const policy = field('maxmemory_policy');
  if (policy?.startsWith('allkeys-') && field('maxmemory') !== '0') {
    const fatal = `Redis would throw jobs away when its memory is full: maxmemory-policy is ${policy}, not noeviction`;
    return { fatal, lasting: [] };
  }
  const isLogged = field('aof_enabled') !== '0';
  return {
    fatal: null,
    lasting: isLogged
      ? []
      : [
          'Redis keeps no log on disk (appendonly is no): what it holds since its last snapshot is lost when it ends',
        ],
  };
}
