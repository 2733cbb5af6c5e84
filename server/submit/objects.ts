/**
 * Services and ingresses a job asks for, as the Kubernetes objects its executor
 * creates beside the pod. Selectors and host suffixes are completed there.
 * (Armada: server, conversion of services and ingresses.)
 */
import { type IngressConfig, type ServiceConfig, ServiceType } from '@armada-ts/api/api/job';
import { KubernetesObject, ObjectMeta } from '@armada-ts/api/armadaevents/armadaevents';
import { type PodSpec, ServicePort, ServiceSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { IngressRule, IngressSpec } from '@armada-ts/api/k8s/io/api/networking/v1/networking';
import { type ContainerPort, servicePorts } from '../model/requirements.ts';

/** The job that objects belong to. */
export interface ObjectOwner {
  jobId: string;
  queue: string;
  jobSet: string;
  /** Name of the principal who submits. */
  user: string;
  namespace: string;
}

/** Labels and annotations that executors and the web page of Armada find a job's objects by. */
const JOB_ID_LABEL = 'armada_job_id';
const QUEUE_LABEL = 'armada_queue_id';
const POD_NUMBER_LABEL = 'armada_pod_number';
const JOB_SET_ANNOTATION = 'armada_jobset_id';
const OWNER_ANNOTATION = 'armada_owner';

interface Service {
  name: string;
  ports: ContainerPort[];
  spec: ServiceSpec;
}

/** Services first, then ingresses, each ingress pointing to one of the services. */
export function objectsOf(
  wanted: { services: readonly ServiceConfig[]; ingress: readonly IngressConfig[] },
  spec: PodSpec,
  owner: ObjectOwner,
  allowCustomNames: boolean,
): KubernetesObject[] {
  const offered = servicePorts(spec);
  const services: Service[] = [];
  const create = (
    config: Pick<ServiceConfig, 'ports' | 'name'>,
    kind: 'NodePort' | 'ClusterIP' | 'Headless',
  ): Service | undefined => {
    const ports = offered.filter(({ port }) => config.ports.includes(port));
    if (ports.length === 0) return undefined;
    const ownName = allowCustomNames && config.name !== '' ? config.name : undefined;
    const name = ownName ?? `armada-${owner.jobId}-0-service-${services.length}`;
    const service = { name, ports, spec: serviceSpec(ports, kind, owner.jobId) };
    services.push(service);
    return service;
  };
  for (const config of wanted.services)
    create(config, config.type === ServiceType.Headless ? 'Headless' : 'NodePort');

  const ingresses: KubernetesObject[] = [];
  for (const config of wanted.ingress) {
    const service =
      services.find(({ ports }) =>
        config.ports.every((wantedPort) => ports.some(({ port }) => port === wantedPort)),
      ) ?? create({ ports: config.ports, name: '' }, config.useClusterIP ? 'ClusterIP' : 'Headless');
    if (service === undefined) continue;
    ingresses.push({
      objectMeta: objectMeta(
        `armada-${owner.jobId}-0-ingress-${ingresses.length}`,
        owner,
        config.annotations,
      ),
      object: { $case: 'ingress', value: ingressSpec(config, service, owner) },
    });
  }
  const created = services.map(({ name, spec: value }): KubernetesObject => {
    return { objectMeta: objectMeta(name, owner, new Map()), object: { $case: 'service', value } };
  });
  return [...created, ...ingresses];
}

function serviceSpec(
  ports: readonly ContainerPort[],
  kind: 'NodePort' | 'ClusterIP' | 'Headless',
  jobId: string,
): ServiceSpec {
  const spec = ServiceSpec.create();
  spec.type = kind === 'NodePort' ? 'NodePort' : 'ClusterIP';
  if (kind === 'Headless') spec.clusterIP = 'None';
  spec.selector.set(JOB_ID_LABEL, jobId);
  spec.ports = ports.map((port) =>
    ServicePort.create({ name: portName(port), port: port.port, protocol: port.protocol || 'TCP' }),
  );
  return spec;
}

function ingressSpec(config: IngressConfig, service: Service, owner: ObjectOwner): IngressSpec {
  const ports = service.ports.filter(({ port }) => config.ports.includes(port));
  const hosts = ports.map((port) => `${portName(port)}-armada-${owner.jobId}-0.${owner.namespace}.`);
  const rules = ports.map((port, i) => {
    const backend = { service: { name: service.name, port: { number: port.port } } };
    return IngressRule.create({
      host: hosts[i],
      ingressRuleValue: { http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } },
    });
  });
  const secretName = config.certName === '' ? `${owner.namespace}-` : config.certName;
  return { ...IngressSpec.create(), rules, tls: config.tlsEnabled ? [{ hosts, secretName }] : [] };
}

function objectMeta(name: string, owner: ObjectOwner, annotations: ReadonlyMap<string, string>): ObjectMeta {
  return {
    ...ObjectMeta.create({ name, namespace: owner.namespace }),
    annotations: new Map([
      ...annotations,
      [JOB_SET_ANNOTATION, owner.jobSet],
      [OWNER_ANNOTATION, owner.user],
    ]),
    labels: new Map([
      [JOB_ID_LABEL, owner.jobId],
      [QUEUE_LABEL, owner.queue],
      [POD_NUMBER_LABEL, '0'],
    ]),
  };
}

function portName({ container, port }: ContainerPort): string {
  return `${container}-${port}`;
}
