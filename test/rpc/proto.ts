import type { fromJSON } from '@grpc/proto-loader';

/** The part of the Open Inference Protocol that the tests speak, and a service of their own with all four kinds of calls. */
const request = {
  fields: {
    model_name: { type: 'string', id: 1 },
    model_version: { type: 'string', id: 2 },
    id: { type: 'string', id: 3 },
    raw_input_contents: { rule: 'repeated', type: 'bytes', id: 7 },
  },
};
const response = { fields: { model_name: { type: 'string', id: 1 }, id: { type: 'string', id: 3 } } };
const named = { fields: { name: { type: 'string', id: 1 }, version: { type: 'string', id: 2 } } };
const empty = { fields: {} };
const flag = (name: string) => ({ fields: { [name]: { type: 'bool', id: 1 } } });

/** As protobufjs reads it. */
export const definition = {
  nested: {
    inference: {
      nested: {
        Empty: empty,
        Named: named,
        Live: flag('live'),
        Ready: flag('ready'),
        Metadata: { fields: { name: { type: 'string', id: 1 }, version: { type: 'string', id: 2 } } },
        ModelInferRequest: request,
        ModelInferResponse: response,
        ModelStreamInferResponse: {
          fields: {
            error_message: { type: 'string', id: 1 },
            infer_response: { type: 'ModelInferResponse', id: 2 },
          },
        },
        GRPCInferenceService: {
          methods: {
            ServerLive: { requestType: 'Empty', responseType: 'Live' },
            ServerReady: { requestType: 'Empty', responseType: 'Ready' },
            ServerMetadata: { requestType: 'Empty', responseType: 'Metadata' },
            ModelReady: { requestType: 'Named', responseType: 'Ready' },
            RepositoryModelUnload: { requestType: 'Named', responseType: 'Empty' },
            ModelInfer: { requestType: 'ModelInferRequest', responseType: 'ModelInferResponse' },
            ModelStreamInfer: {
              requestType: 'ModelInferRequest',
              requestStream: true,
              responseType: 'ModelStreamInferResponse',
              responseStream: true,
            },
          },
        },
      },
    },
    grpc: {
      nested: {
        health: {
          nested: {
            v1: {
              nested: {
                HealthCheckRequest: { fields: { service: { type: 'string', id: 1 } } },
                HealthCheckResponse: { fields: { status: { type: 'int32', id: 1 } } },
                Health: {
                  methods: {
                    Check: { requestType: 'HealthCheckRequest', responseType: 'HealthCheckResponse' },
                  },
                },
              },
            },
          },
        },
      },
    },
    acme: {
      nested: {
        Echo: {
          methods: {
            Unary: {
              requestType: 'inference.ModelInferRequest',
              responseType: 'inference.ModelInferResponse',
            },
            Split: {
              requestType: 'inference.ModelInferRequest',
              responseType: 'inference.ModelInferResponse',
              responseStream: true,
            },
            Gather: {
              requestType: 'inference.ModelInferRequest',
              requestStream: true,
              responseType: 'inference.ModelInferResponse',
            },
            Chat: {
              requestType: 'inference.ModelInferRequest',
              requestStream: true,
              responseType: 'inference.ModelStreamInferResponse',
              responseStream: true,
            },
          },
        },
      },
    },
  },
} as unknown as Parameters<typeof fromJSON>[0];

/** A request as the servers of the tests get it. */
export interface InferRequest {
  readonly model_name: string;
  readonly id: string;
  readonly raw_input_contents: readonly Buffer[];
}
