import { type Job, ServiceType, type IngressConfig, type ServiceConfig } from '@armada-ts/api/api/job';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';

/** Annotations that the server gives the objects of a job. */
const OWN_ANNOTATIONS: ReadonlySet<string> = new Set(['armada_jobset_id', 'armada_owner']);

/**
 * The item that submits a job once more, from what the server keeps of it. Its
 * client id follows from the old job's id, so that a job is retried once,
 * however often that is asked for; the retry itself can be retried again.
 */
export function retriedItem(job: Job): JobSubmitRequestItem {
  return {
    ...JobSubmitRequestItem.create(),
    clientId: `retry-${job.id}`,
    priority: job.priority,
    podSpec: job.podSpec,
    podSpecs: job.podSpecs,
    namespace: job.namespace,
    labels: withPlaceholder(job.labels, job.id),
    annotations: withPlaceholder(job.annotations, job.id),
    requiredNodeLabels: job.requiredNodeLabels,
    scheduler: job.scheduler,
    ingress: job.ingress.length > 0 ? job.ingress : job.k8sIngress.map((each) => ingressConfig(each, job)),
    services: job.services.length > 0 ? job.services : serviceConfigs(job),
  };
}

/** Where the old id was put in for `{JobId}`, the new one belongs. */
function withPlaceholder(values: ReadonlyMap<string, string>, jobId: string): Map<string, string> {
  return new Map([...values].map(([key, value]) => [key, value.replaceAll(jobId, '{JobId}')]));
}

function ingressConfig({ metadata, spec }: Job['k8sIngress'][number], job: Job): IngressConfig {
  const backends = (spec?.rules ?? []).flatMap(({ ingressRuleValue }) =>
    (ingressRuleValue?.http?.paths ?? []).flatMap(({ backend }) => backend?.service ?? []),
  );
  const [tls] = spec?.tls ?? [];
  const secret = tls?.secretName ?? '';
  const service = job.k8sService.find((each) => each.metadata?.name === backends[0]?.name);
  return {
    type: 0,
    ports: backends.flatMap(({ port }) => port?.number ?? []),
    annotations: new Map([...(metadata?.annotations ?? [])].filter(([key]) => !OWN_ANNOTATIONS.has(key))),
    tlsEnabled: tls !== undefined,
    certName: secret === `${job.namespace}-` ? '' : secret,
    useClusterIP: service !== undefined && !isNodePort(service) && !isHeadless(service),
  };
}

/** Those with a cluster address were made for an ingress, and will be again. */
function serviceConfigs({ k8sService, id }: Job): ServiceConfig[] {
  return k8sService
    .filter((service) => isNodePort(service) || isHeadless(service))
    .map((service) => {
      const name = service.metadata?.name ?? '';
      return {
        type: isNodePort(service) ? ServiceType.NodePort : ServiceType.Headless,
        ports: (service.spec?.ports ?? []).flatMap(({ port }) => port ?? []),
        // Names that hold the job id were made up by the server.
        name: name.includes(id) ? '' : name,
      };
    });
}

function isNodePort({ spec }: Job['k8sService'][number]): boolean {
  return spec?.type === 'NodePort';
}

function isHeadless({ spec }: Job['k8sService'][number]): boolean {
  return spec?.clusterIP === 'None';
}
