import { nearest } from './hints.ts';
import type { RawFault } from './issues.ts';
import type { RawModel } from './model.ts';
import type { Sections } from './sections.ts';

/** Names of its own among the models that a model wakes; paths begin at the model. */
export function ownNameFaults(name: string, { aliases, wakeWith }: RawModel): RawFault[] {
  return wakeWith.flatMap((companion, index) => {
    if (companion !== name && !aliases.includes(companion)) return [];
    const message = `${companion} is the model itself`;
    return [{ path: ['wakeWith', index], message, hint: null }];
  });
}

/**
 * Models that others are to wake and that are not there. Where models are found in a cluster, or one of the file has a
 * fault and may be the one that is meant, nothing is known of that.
 */
export function companionFaults({ kubernetes, models, modelNames }: Sections): RawFault[] {
  const isFound = kubernetes?.discovery.models || kubernetes?.discovery.annotations;
  const isKnown = kubernetes !== undefined && !isFound && models.size === modelNames.length;
  const known = [...models].flatMap(([name, { aliases }]) => [name, ...aliases]);
  return [...models].flatMap(([name, model]) => {
    const unknown = model.wakeWith.flatMap((companion, index): RawFault[] => {
      if (!isKnown || known.includes(companion)) return [];
      const guess = nearest(companion, known);
      const hint = guess && `did you mean ${guess}?`;
      return [{ path: ['wakeWith', index], message: `${companion} is no model and no alias`, hint }];
    });
    const faults = [...ownNameFaults(name, model), ...unknown];
    return faults.map((fault) => ({ ...fault, path: ['models', name, ...fault.path] }));
  });
}
