export {
  accessKeyAuthorization,
  createAccessKey,
  deleteAccessKey,
  exchangeAccessKey,
  listAccessKeys,
  setAccessKeyDisabled,
  type AccessKeyInfo,
  type AccessKeyPair,
  type CreateKeyResponse,
  type CreateTokenResponse,
} from './access-keys.ts';
export { isLoopback } from '@armada-ts/api/servers/loopback';
export { usesTls } from './address.ts';
export {
  contextAddress,
  findContext,
  ProfileError,
  readConfigFile,
  type ConfigFile,
} from './config-file.ts';
export {
  connect,
  type Authorization,
  type CallOptions,
  type Connection,
  type ConnectOptions,
  type Method,
} from './connect.ts';
export { connectFromProfile, type ProfileOverrides } from './connect-from-profile.ts';
export {
  ArmadaClientError,
  type GrpcCode,
  type JobError,
  type RequestFault,
} from './errors.ts';
export { execAuthorization, type TokenCommand } from './exec-token.ts';
export {
  getKeyring,
  installSigningKey,
  removeSigningKey,
  useSigningKey,
  type GetKeyringResponse,
} from './keyring.ts';
export { getIdentity, type GetIdentityResponse } from './identity.ts';
export { kerberosAuthorization } from './kerberos.ts';
export { loginAuthorization } from './kept-login.ts';
export { clientCredentialsAuthorization, passwordAuthorization, type OpenIdClient } from './open-id.ts';
export { watchJobSet, type JobSetEvent, type JobSetEventBody, type WatchOptions } from './events.ts';
export {
  cancelOnExecutor,
  cordonExecutor,
  deleteExecutor,
  deleteExecutorSettings,
  preemptOnExecutor,
  uncordonExecutor,
  type RunSelection,
} from './executors.ts';
export {
  JobFailedError,
  jobHandle,
  submitJob,
  type FollowOptions,
  type JobHandle,
  type JobPlace,
  type NewJob,
  type ResultOptions,
} from './job.ts';
export {
  describeJob,
  listJobs,
  type DescribedRun,
  type DescribeJobResponse,
  type JobFilter,
  type ListedJob,
} from './job-list.ts';
export type { JobResult, JobRun } from './job-progress.ts';
export { commandJob, jobFromJson, type CommandJob } from './job-spec.ts';
export {
  cancelJobs,
  cancelJobSet,
  preemptJobs,
  reprioritizeJobs,
  reprioritizeJobSet,
  type JobSelection,
  type JobSetSelection,
} from './jobs.ts';
export { readLog, type LogChunk, type ReadLogOptions } from './logs.ts';
export { cancelOnNode, preemptOnNode, type NodeSelection } from './nodes.ts';
export { DEFAULT_ADDRESS, readProfile, type Profile, type ProfileSources } from './profile.ts';
export {
  cancelOnQueue,
  cordonQueue,
  createQueue,
  deleteQueue,
  getQueue,
  getQueues,
  preemptOnQueue,
  replaceQueue,
  uncordonQueue,
  updateQueue,
  type QueueDefinition,
  type QueueJobSelection,
  type QueuePatch,
} from './queues.ts';
export type { Interruption, ResumeOptions } from './resume.ts';
export { getServerInfo, type GetServerInfoResponse } from './server-info.ts';
export { callRepeatedly } from './retry.ts';
export { podTokenAuthorization, tokenFileAuthorization } from './token-file.ts';
export {
  submitJobs,
  type ClientIds,
  type Submission,
  type SubmitOptions,
  type SubmittedItem,
} from './submit.ts';
