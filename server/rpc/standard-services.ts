/** What every port for gRPC has besides its own services. */
import type { Service } from '../door/method.ts';
import type { HealthCheck } from '../operator/health.ts';
import { grpcHealthDefinition, grpcHealthService } from './grpc-health.ts';
import { reflectionAlphaDefinition, reflectionDefinition, reflectionService } from './reflection.ts';

/** The services, and one that probes ask whether they are well. */
export function withHealth(services: readonly Service[], health: HealthCheck): Service[] {
  const methods = grpcHealthService(health, services.map(nameOf));
  return [...services, { definition: grpcHealthDefinition, methods }];
}

/** The services, and those that tell tools of them all. */
export function withReflection(services: readonly Service[]): Service[] {
  const definitions = [reflectionDefinition, reflectionAlphaDefinition];
  const names = [...services, ...definitions.map((definition) => ({ definition }))].map(nameOf);
  const methods = reflectionService(names);
  return [...services, ...definitions.map((definition) => ({ definition, methods }))];
}

/** In full, such as `api.Submit`. */
function nameOf({ definition }: Pick<Service, 'definition'>): string {
  const [, name = ''] = Object.values(definition)[0]?.path.split('/') ?? [];
  return name;
}
