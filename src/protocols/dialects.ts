import type { PilotlightError } from '../core/errors.ts';
import type { Dialect, WaitState } from '../core/protocol.ts';

/** OpenAI's errors: `{"error":{message,type,param,code}}`, all four present; in a stream as `data:`, no [DONE] after it. */
export const openaiDialect: Dialect = {
  name: 'openai',
  renderError: renderOpenaiError,
  renderStreamError: (error) => `data: ${renderOpenaiError(error)}\n\n`,
  renderHeartbeat,
};

/** OpenAI's Responses API: as OpenAI, but an error in a stream is an event of type `error` at the top level. */
export const responsesDialect: Dialect = {
  name: 'responses',
  renderError: renderOpenaiError,
  renderStreamError: (error) => {
    // The numbers of the backend's events are not read; 0 is right wherever the gateway fails before the first.
    const event = {
      type: 'error',
      code: error.code,
      message: error.message,
      param: error.param,
      sequence_number: 0,
    };
    return `event: error\ndata: ${JSON.stringify(event)}\n\n`;
  },
  renderHeartbeat,
};

/** Anthropic's errors: `{"type":"error","error":{type,message}}`; in a stream an `error` event. */
export const anthropicDialect: Dialect = {
  name: 'anthropic',
  renderError: renderAnthropicError,
  renderStreamError: (error) => `event: error\ndata: ${renderAnthropicError(error)}\n\n`,
  renderHeartbeat,
};

function renderOpenaiError(error: PilotlightError): string {
  return JSON.stringify({
    error: { message: error.message, type: error.spec.type, param: error.param, code: error.code },
  });
}

function renderAnthropicError(error: PilotlightError): string {
  return JSON.stringify({
    type: 'error',
    error: { type: anthropicType(error.spec.status), message: error.message },
  });
}

/** https://docs.anthropic.com/en/api/errors; 503 is not among them, its meaning is that of 529. */
function anthropicType(status: number): string {
  switch (status) {
    case 401:
      return 'authentication_error';
    case 403:
      return 'permission_error';
    case 404:
      return 'not_found_error';
    case 413:
      return 'request_too_large';
    case 429:
      return 'rate_limit_error';
    case 503:
      return 'overloaded_error';
    case 504:
      return 'timeout_error';
    default:
      return status >= 500 ? 'api_error' : 'invalid_request_error';
  }
}

/** One comment line: every SSE decoder drops it, and JSON's quoting keeps line ends out of it. */
function renderHeartbeat(state: WaitState): string {
  const eta = state.etaMs === null ? '' : ` eta=${(state.etaMs / 1000).toFixed(1)}s`;
  const detail = state.detail === null ? '' : ` detail=${JSON.stringify(state.detail)}`;
  return `: pilotlight position=${state.position} phase=${JSON.stringify(state.phase)}${eta}${detail}\n\n`;
}
