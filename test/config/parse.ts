import { ConfigError, type ConfigFault, parseConfig } from '../../src/config/load.ts';
import type { Settings } from '../../src/config/settings.ts';

/** What a test's file may refer to. */
export interface Surroundings {
  env?: Record<string, string>;
  fileByPath?: Record<string, string>;
}

/** Parses `text` as /etc/pilotlight/pilotlight.yaml. */
export function parse(text: string, { env = {}, fileByPath = {} }: Surroundings = {}): Settings {
  return parseConfig(text, {
    file: '/etc/pilotlight/pilotlight.yaml',
    env,
    readFile(path) {
      const found = fileByPath[path];
      if (found === undefined) throw new Error('no such file');
      return found;
    },
  });
}

/** The faults of `text`, in order; fails when it has none. */
export function faultsOf(text: string, surroundings: Surroundings = {}): readonly ConfigFault[] {
  try {
    parse(text, surroundings);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  throw new Error('the configuration has no fault');
}

/** A file with one model, whose keys besides the backend are `model`, after `top` at the root. */
export function fileWith({ top = '', model = '', backend = '' }): string {
  const indented = (text: string, by: string) => text.replaceAll(/^(?=.)/gm, by);
  return `${top}
models:
  llama:
    backend:
      driver: process
      command: [llama-server, --port, "{port}"]
${indented(backend, '      ')}
${indented(model, '    ')}
`;
}

/** What is wrong, the file, the path of its one fault, a part of the message, the hint. */
export type FaultCase = readonly [
  what: string,
  text: string,
  path: string,
  message: string,
  hint: string | null,
];
