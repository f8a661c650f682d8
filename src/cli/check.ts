import { ConfigError, loadConfig } from '../config/load.ts';
import { warningsOf } from '../config/warnings.ts';

/** `pilotlight check`: prints every fault and warning; the exit code is 1 when there is a fault. */
export async function check(file: string): Promise<void> {
  try {
    const settings = await loadConfig(file, process.env);
    for (const warning of warningsOf(settings)) process.stdout.write(`warning: ${warning}\n`);
    process.stdout.write(
      `${file}: ok, ${settings.models.size} model(s): ${[...settings.models.keys()].join(', ')}\n`,
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
