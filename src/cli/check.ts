import { ConfigError, loadConfig } from '../config/load.ts';
import type { Settings } from '../config/settings.ts';
import { warningsOf } from '../config/warnings.ts';

/** `pilotlight check`: prints every fault and warning; the exit code is 1 when there is a fault. */
export async function check(file: string): Promise<void> {
  try {
    const settings = await loadConfig(file, process.env);
    const faults = await clashesOf(settings);
    if (faults.length > 0) {
      refuse(faults.map((fault) => `${file}: ${fault}`).join('\n'));
      return;
    }
    for (const warning of warningsOf(settings)) process.stdout.write(`warning: ${warning}\n`);
    const names = [...settings.models.keys()];
    const listed =
      names.length === 0
        ? 'no model, they are found in the cluster'
        : `${names.length} model(s): ${names.join(', ')}`;
    const served = settings.surfaces.map(({ name }) => name).join(', ');
    process.stdout.write(`${file}: ok, ${listed}${served === '' ? '' : `; surfaces: ${served}`}\n`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    refuse(error.message);
  }
}

function refuse(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

/** Where two surfaces serve the same is known by their routes, which are loaded for it. */
async function clashesOf(settings: Settings): Promise<string[]> {
  if (settings.surfaces.length === 0) return [];
  const { placeFaults, placeSurfaces } = await import('../surface-places.ts');
  return placeFaults(await placeSurfaces(settings));
}
