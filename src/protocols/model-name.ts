import { PilotlightError } from '../core/errors.ts';
import type { Intent } from '../core/protocol.ts';

/** The longest name of a model, in bytes as written: what a parser may keep of a body. */
export const maxNameBytes = 4096;

/** The name, if it is one. `undefined`: the request has none; null: one that is not a string. Throws model_required. */
export function requireModel(name: string | null | undefined): string {
  if (name === undefined) throw modelMissing();
  if (name === null) throw new PilotlightError('model_required', 'model is not a string');
  if (name === '') throw new PilotlightError('model_required', 'model is empty');
  return name;
}

/** The error of a request without a model. */
export function modelMissing(): PilotlightError {
  return new PilotlightError('model_required', 'the request names no model');
}

/** What a message shows of names that clients chose, and of how many that are configured. */
const shownNameLength = 200;
const shownNames = 20;

/** model_not_found for what a client asked for, with the names there are: both bounded, whatever was sent. */
export function modelNotFound(name: string, known: readonly string[]): PilotlightError {
  const shown = name.length > shownNameLength ? `${name.slice(0, shownNameLength)}...` : name;
  const more = known.length > shownNames ? ', ...' : '';
  const names = known.slice(0, shownNames).join(', ');
  return new PilotlightError(
    'model_not_found',
    `model ${JSON.stringify(shown)} not found; known: ${names}${more}`,
  );
}

/** An invalid_body error that says what is wrong and at which byte of the body, counted from 0. */
export function invalidBody(what: string, offset: number): PilotlightError {
  return new PilotlightError('invalid_body', `invalid body: ${what} at byte ${offset}`);
}

/** The intent of a request whose model is known without its body. */
export function intentOf(model: string): Intent {
  return { model, isStream: false, modelSpan: null, modelEncoding: 'none', promptSpan: null };
}
