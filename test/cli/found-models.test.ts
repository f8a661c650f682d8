import { expect, it } from 'vitest';
import { greeting } from '../../src/cli/greeting.ts';
import { parse } from '../config/parse.ts';

it('the greeting of a gateway without models in its file says where they come from', () => {
  const settings = parse('kubernetes: { discovery: { models: true } }');
  const address = { host: '127.0.0.1', port: 8080 };
  const text = greeting(settings, {
    address,
    adminAddress: { ...address, port: 9090 },
    surfaceAddresses: new Map(),
  });
  expect(text).toMatch(/\nModels are found in the cluster\.\n$/);
});
