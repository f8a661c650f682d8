import type { Desk } from '../../core/desk.ts';
import type { SurfaceReply, SurfaceRequest } from '../../core/surface.ts';
import { askAsItCame, replyOf } from '../pass-on.ts';
import { responsesPath } from './chat-call.ts';

/**
 * A response that is waited for, as the model's backend gives it (or its chat completions, where the model is set so). It is not
 * kept, whatever `store` says.
 */
export async function askNow(request: SurfaceRequest, desk: Desk, name: string): Promise<SurfaceReply> {
  const { name: model } = desk.model(name);
  return replyOf(await askAsItCame(request, desk, { model, path: responsesPath, patienceMs: null }));
}
