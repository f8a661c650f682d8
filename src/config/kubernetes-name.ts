import { z } from 'zod';

const labelPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The longest label of RFC 1123, and the longest name of such labels that Kubernetes takes. */
const maxLabelLength = 63;
const maxSubdomainLength = 253;

const labelError = 'lower-case letters, digits and -, with a letter or digit at both ends';
const tooLong = (length: number) => `is longer than ${length} characters, the limit of Kubernetes`;

/** A key that takes the name of a namespace, a Service or a Lease: a label of RFC 1123. */
export const labelName = () =>
  z
    .string()
    .regex(labelPattern, { error: `must be a Kubernetes name: ${labelError}` })
    .refine((name) => name.length <= maxLabelLength, { error: tooLong(maxLabelLength) })
    .meta({ maxLength: maxLabelLength });

/** A key that takes the name of any other object: labels of RFC 1123 with dots between them. */
export const objectName = () =>
  z
    .string()
    .regex(subdomainPattern, {
      error: `must be a Kubernetes name: ${labelError}, and dots between such parts`,
    })
    .refine((name) => name.length <= maxSubdomainLength, { error: tooLong(maxSubdomainLength) })
    .meta({ maxLength: maxSubdomainLength });
