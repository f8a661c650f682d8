import { ConfigError, loadConfig } from '../config/load.ts';
import { warningsOf } from '../config/warnings.ts';

/** `pilotlight check`: prints every fault and warning; the exit code is 1 when there is a fault. */
export async function check(file: string): Promise<void> {
  try {
    const settings = await loadConfig(file, process.env);
    for (const warning of warningsOf(settings)) process.stdout.write(`warning: ${warning}\n`);
    const names = [...settings.models.keys()];
    const listed =
      names.length === 0
        ? 'no model, they are found in the cluster'
        : `${names.length} model(s): ${names.join(', ')}`;
    process.stdout.write(`${file}: ok, ${listed}\n`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
