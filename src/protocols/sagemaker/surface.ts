import type { Surface } from '../../core/surface.ts';
import { asyncRoutes } from './async.ts';
import { sagemakerDialect } from './dialect.ts';
import { invokeRoutes } from './invoke.ts';

/**
 * Amazon SageMaker's runtime: the endpoint's name is the name or alias of a model
 * (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Runtime.html).
 */
export const sagemaker: Surface = {
  name: 'sagemaker',
  dialect: sagemakerDialect,
  hasJobs: true,
  routes: (options) => [...invokeRoutes(options), ...asyncRoutes(options)],
};
