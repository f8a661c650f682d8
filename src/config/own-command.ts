import type { ModelSettings, Settings } from './settings.ts';

/** The settings with `{pilotlight}`, as the first word of a command, filled in by this program's own command line. */
export function withOwnCommand(settings: Settings, own: readonly string[]): Settings {
  const models = new Map<string, ModelSettings>();
  for (const [name, model] of settings.models)
    models.set(name, { ...model, revision: filled(model.revision, own) });
  return { ...settings, models };
}

function filled(revision: ModelSettings['revision'], own: readonly string[]): ModelSettings['revision'] {
  const { backend } = revision;
  if (backend.driver !== 'process' || backend.command[0] !== '{pilotlight}') return revision;
  return { ...revision, backend: { ...backend, command: [...own, ...backend.command.slice(1)] } };
}
