import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { createItemEncoder } from './encoded-items.ts';

/** The client ids that `submitJobs` gives these items, or finds on them: for telling beforehand which are new. */
export function contentClientIds(jobSetId: string, items: readonly JobSubmitRequestItem[]): string[] {
  const encode = createItemEncoder(jobSetId, 'content');
  return items.map((item, index) => JobSubmitRequestItem.decode(encode(item, index).bytes).clientId);
}
